import { createHash, randomUUID } from 'node:crypto'
import { signJws } from '../../src/lib/jose/jws.ts'
import { newSigningKey } from '../../src/lib/jose/signing-key.ts'
import type { Surface } from './authority.ts'
import type { Claims } from './company.ts'
import { type Knocked, knock } from './knock.ts'

export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const TYPE = 'urn:ietf:params:oauth:token-type:'
export const AGENT_TYPE = 'urn:countersign:params:oauth:token-type:agent-jwt'
export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
export const FORM = 'application/x-www-form-urlencoded'

export type Form = Readonly<Record<string, string>>

/** One running instance of a workload: a key in memory, its evidence, and every request it can make. */
export type Caller = {
  readonly jkt: string
  /** Makes no proofs: somebody who has copied a token, but not the key. */
  readonly keyless?: true
  readonly evidence: string
  readonly prove: (method: string, url: string, token?: string, over?: Claims) => string
  /** The home's agent+jwt for one tenant. */
  readonly agentToken: (tenant: string) => Promise<string>
  /** Posts to a tenant's token endpoint with a fresh proof. */
  readonly ask: (tenant: string, form: Form) => Promise<Knocked>
  /** An access token for one resource; for the user of an ID token, if there is one. */
  readonly token: (tenant: string, resource: string, more?: TokenMore) => Promise<string>
}

export type TokenMore = { readonly idToken?: string; readonly type?: string; readonly form?: Form }

export function encode(form: Form): string {
  return new URLSearchParams(form).toString()
}

/** `home` is the tenant that the workload's evidence is for. */
export function callerOf(surface: Surface, account: string, home = 'operator'): Caller {
  const prover = newProver()
  const evidence = surface.evidence(account, { aud: [surface.issuer(home)] })
  const ask: Caller['ask'] = (tenant, form) => {
    const path = `/t/${tenant}/token`
    const headers = { 'content-type': FORM, dpop: prover.prove('POST', surface.origin + path) }
    return knock(surface, 'authority', { method: 'POST', path, headers, body: encode(form) })
  }
  const agentToken = async (tenant: string) =>
    given(await ask(home, attestForm(evidence, surface.issuer(tenant))))
  const token: Caller['token'] = async (tenant, resource, { idToken, type = 'mcp', form = {} } = {}) => {
    const asked = accessForm(await agentToken(tenant), surface.uri(tenant, resource, type), idToken)
    return given(await ask(tenant, { ...asked, ...form }))
  }
  return { ...prover, evidence, ask, agentToken, token }
}

export function attestForm(evidence: string, audience: string): Form {
  return {
    grant_type: EXCHANGE,
    subject_token: evidence,
    subject_token_type: `${TYPE}jwt`,
    requested_token_type: AGENT_TYPE,
    audience,
  }
}

export function accessForm(assertion: string, resource: string, idToken?: string): Form {
  const subject =
    idToken === undefined ? {} : { subject_token: idToken, subject_token_type: `${TYPE}id_token` }
  return {
    grant_type: idToken === undefined ? 'client_credentials' : EXCHANGE,
    client_assertion: assertion,
    client_assertion_type: JWT_BEARER,
    resource,
    ...subject,
  }
}

/** A key of its own, and proofs made with it (RFC 9449 §4.2). */
export function newProver(): Pick<Caller, 'jkt' | 'prove'> {
  const { key, kid, jwk } = newSigningKey()
  const { kty, crv, x, y } = jwk
  const header = JSON.stringify({ alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } })
  return {
    jkt: kid,
    prove: (method, url, token, over = {}) => {
      const ath = token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }
      const iat = Math.floor(Date.now() / 1000)
      const claims = { jti: randomUUID(), htm: method, htu: url, iat, ...ath, ...over }
      return signJws(header, JSON.stringify(claims), key, 'ES256')
    },
  }
}

export function given(answer: Knocked): string {
  const token = answer.json['access_token']
  if (typeof token !== 'string') throw new Error(`no token: ${answer.status} ${answer.text}`)
  return token
}

/** What a token says, unverified. */
export function claimsIn(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}

export function headerIn(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as Record<string, unknown>
}
