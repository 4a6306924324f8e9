import type { Pool } from 'undici'
import { post, type Shot } from './load.ts'
import type { World } from './world.ts'

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const TYPE = 'urn:ietf:params:oauth:token-type:'
const AGENT_JWT = 'urn:countersign:params:oauth:token-type:agent-jwt'
export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
export const FORM = 'application/x-www-form-urlencoded'
export const TOOLS = ['get_order', 'list_orders', 'find_order'] as const

export type Tokens = { readonly assertion: string; readonly user: string }

/** A request to act for a user at one resource (RFC 8693 §2.1). */
export function exchangeForm({ assertion, user }: Tokens, target: Readonly<Record<string, string>>): string {
  return new URLSearchParams({
    grant_type: EXCHANGE,
    client_assertion_type: JWT_BEARER,
    client_assertion: assertion,
    subject_token: user,
    subject_token_type: `${TYPE}id_token`,
    ...target,
  }).toString()
}

function attestForm(world: World, evidence: string): string {
  return new URLSearchParams({
    grant_type: EXCHANGE,
    subject_token: evidence,
    subject_token_type: `${TYPE}jwt`,
    requested_token_type: AGENT_JWT,
    audience: world.issuer,
  }).toString()
}

const PATH = '/t/acme/token'
export const bearer = (body: string): Shot => ({ path: PATH, headers: { 'content-type': FORM }, body })
export const proven = (body: string, proof: string): Shot => ({
  path: PATH,
  headers: { 'content-type': FORM, dpop: proof },
  body,
})

/** Evidence → `agent+jwt` for the same tenant. */
export async function attest(pool: Pool, world: World, evidence: string, proof: string): Promise<string> {
  return accessTokenIn(await post(pool, proven(attestForm(world, evidence), proof)))
}

export function accessTokenIn(answer: string): string {
  return (JSON.parse(answer) as { readonly access_token: string }).access_token
}
