import { createHash, randomUUID } from 'node:crypto'
import { signJws } from '../../src/lib/jose/jws.ts'
import { newSigningKey } from '../../src/lib/jose/signing-key.ts'
import type { Surface } from './authority.ts'
import type { Claims } from './company.ts'

export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const TYPE = 'urn:ietf:params:oauth:token-type:'
export const AGENT_TYPE = 'urn:countersign:params:oauth:token-type:agent-jwt'
export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
export const FORM = 'application/x-www-form-urlencoded'

export type Answered = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: Readonly<Record<string, unknown>>
}

/** Reads an answer whole; what isn't a JSON object gives an empty one. */
export async function answered(response: Response): Promise<Answered> {
  const text = await response.text()
  const { status, headers } = response
  return { status, headers, text, json: objectIn(text) }
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

/** The stable code of a refusal, wherever its protocol puts it. */
export function reasonOf({ json }: Answered): string | undefined {
  const error = json['error'] as { readonly data?: { readonly reason?: string } } | undefined
  const result = json['result'] as { readonly _meta?: Readonly<Record<string, unknown>> } | undefined
  const found = json['reason'] ?? error?.data?.reason ?? result?._meta?.['countersign/reason']
  return typeof found === 'string' ? found : undefined
}

export async function postForm(
  url: string,
  form: Readonly<Record<string, string>> | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  const body = typeof form === 'string' ? form : new URLSearchParams(form).toString()
  return answered(await fetch(url, { method: 'POST', body, headers: { 'content-type': FORM, ...headers } }))
}

export async function postJson(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  const text = JSON.stringify(body)
  const json = { 'content-type': 'application/json' }
  return answered(await fetch(url, { method: 'POST', body: text, headers: { ...json, ...headers } }))
}

/** One running instance of a workload: a key in memory, its evidence, and every request it can make. */
export type Caller = {
  readonly jkt: string
  readonly evidence: string
  readonly prove: (method: string, url: string, token?: string, over?: Claims) => string
  /** The home's agent+jwt for one tenant. */
  readonly agentToken: (tenant: string) => Promise<string>
  /** Posts to a tenant's token endpoint with a fresh proof. */
  readonly ask: (tenant: string, form: Readonly<Record<string, string>>) => Promise<Answered>
  /** An access token for one resource; for the user of an ID token, if there is one. */
  readonly token: (tenant: string, resource: string, more?: TokenMore) => Promise<string>
  /** Headers that present a token at a place with a fresh proof. */
  readonly with: (method: string, url: string, token: string) => Record<string, string>
}

export type TokenMore = { readonly idToken?: string; readonly type?: string; readonly form?: Record<string, string> }

export function callerOf(surface: Surface, account: string): Caller {
  const { key, kid, jwk } = newSigningKey()
  const { kty, crv, x, y } = jwk
  const evidence = surface.evidence(account)
  const prove: Caller['prove'] = (method, url, token, over = {}) => {
    const ath = token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }
    const iat = Math.floor(Date.now() / 1000)
    const claims = { jti: randomUUID(), htm: method, htu: url, iat, ...ath, ...over }
    const header = { alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } }
    return signJws(JSON.stringify(header), JSON.stringify(claims), key, 'ES256')
  }
  const ask: Caller['ask'] = (tenant, form) => {
    const url = `${surface.issuer(tenant)}/token`
    return postForm(url, form, { dpop: prove('POST', url) })
  }
  const agentToken = async (tenant: string) => {
    const form = {
      grant_type: EXCHANGE,
      subject_token: evidence,
      subject_token_type: `${TYPE}jwt`,
      requested_token_type: AGENT_TYPE,
      audience: surface.issuer(tenant),
    }
    return given(await ask('operator', form))
  }
  const token: Caller['token'] = async (tenant, resource, { idToken, type = 'mcp', form = {} } = {}) => {
    const client_assertion = await agentToken(tenant)
    const subject: Record<string, string> =
      idToken === undefined ? {} : { subject_token: idToken, subject_token_type: `${TYPE}id_token` }
    return given(
      await ask(tenant, {
        grant_type: idToken === undefined ? 'client_credentials' : EXCHANGE,
        client_assertion,
        client_assertion_type: JWT_BEARER,
        resource: surface.uri(tenant, resource, type),
        ...subject,
        ...form,
      }),
    )
  }
  return {
    jkt: kid,
    evidence,
    prove,
    agentToken,
    ask,
    token,
    with: (method, url, given_) => ({ authorization: `DPoP ${given_}`, dpop: prove(method, url, given_) }),
  }
}

function given(answer: Answered): string {
  const token = answer.json['access_token']
  if (typeof token !== 'string') throw new Error(`no token: ${answer.status} ${answer.text}`)
  return token
}
