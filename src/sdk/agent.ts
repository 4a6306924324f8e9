import { createHash, randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

/** Reads the newest evidence of this workload: a projected token file, a CI token, an SVID. Called for each proof, since files rotate. */
export type EvidenceSource = () => Promise<string>

/** Who an agent is, and how it proves that. */
export type AgentOptions = {
  /** The issuer of the agent's home tenant, `<authority>/t/<tenant>`: the evidence is meant for it alone. */
  readonly home: string
  readonly evidence: EvidenceSource
  readonly fetch?: typeof fetch
}

/** What a token is for: one resource of one tenant, for one user or nobody. */
export type TokenAsk = {
  /** The issuer of the tenant to work in. */
  readonly issuer: string
  /** RFC 8707 resource indicator: the one resource the token is for. */
  readonly resource: string
  /** The user's token, to act for them. Absent: the agent acts for nobody. */
  readonly subjectToken?: string
  readonly subjectTokenType?: 'id_token' | 'access_token' | 'jwt'
  /** Tools to narrow the token to. */
  readonly scope?: readonly string[]
  readonly singleUse?: boolean
}

/** An access token as the authority gave it; `DPoP` counts only with proofs of the agent's key. */
export type AccessToken = {
  readonly token: string
  readonly type: 'DPoP' | 'Bearer'
  /** Seconds it lives. */
  readonly expiresIn: number
  readonly scope?: string
}

/** A no from the authority, with the OAuth code (RFC 6749 §5.2) and the sentence for a person. */
export class AgentRefused extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, says: string) {
    super(says)
    this.status = status
    this.code = code
  }
}

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:'
const AGENT_JWT = 'urn:countersign:params:oauth:token-type:agent-jwt'
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** A string and a key: the proof is bound to both (RFC 9449 §4.2). */
type Prove = (method: string, url: string, accessToken?: string, nonce?: string) => Promise<string>

async function makeProver(): Promise<Prove> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  return async (method, url, accessToken, nonce) => {
    const { origin, pathname } = new URL(url)
    const ath = accessToken ? { ath: createHash('sha256').update(accessToken).digest('base64url') } : {}
    return new SignJWT({
      htm: method,
      htu: origin + pathname,
      jti: randomUUID(),
      ...ath,
      ...(nonce ? { nonce } : {}),
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .setIssuedAt()
      .sign(privateKey)
  }
}

type TokenAnswer = {
  readonly access_token?: string
  readonly token_type?: string
  readonly expires_in?: number
  readonly scope?: string
  readonly error?: string
  readonly error_description?: string
}

/**
 * An agent that holds no secret: its key is made in memory and dies with the process, its proof is what the platform
 * says about the workload. One instance may serve several tenants; tokens are kept apart by issuer, resource and user.
 */
export type Agent = {
  /** A token for one resource of one tenant, for a user or for nobody. Throws AgentRefused. */
  readonly token: (ask: TokenAsk) => Promise<AccessToken>
  /** `fetch` that carries a token and a fresh proof of the key with each request. */
  readonly fetchWith: (token: AccessToken) => typeof fetch
  /** Asks for a database login under a token for a PostgreSQL resource. Throws AgentRefused. */
  readonly lease: (issuer: string, token: AccessToken, tools?: readonly string[]) => Promise<DatabaseLogin>
}

/** A login of a PostgreSQL server that lives until `expires_at` and reaches these tables only. */
export type DatabaseLogin = {
  readonly lease: string
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
  readonly expires_at: string
  readonly tables: readonly string[]
}

type Post = (url: string, form: Readonly<Record<string, string>>) => Promise<TokenAnswer>

function poster(call: typeof fetch, prove: Prove): Post {
  const attempt = async (
    url: string,
    form: Readonly<Record<string, string>>,
    nonce?: string,
  ): Promise<Response> =>
    call(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        dpop: await prove('POST', url, undefined, nonce),
      },
      body: new URLSearchParams(form).toString(),
    })
  return async (url, form) => {
    let response = await attempt(url, form)
    let answer = (await response.json()) as TokenAnswer
    if (answer.error === 'use_dpop_nonce') {
      response = await attempt(url, form, response.headers.get('dpop-nonce') ?? undefined)
      answer = (await response.json()) as TokenAnswer
    }
    if (!response.ok) throw refusal(response.status, answer)
    return answer
  }
}

function refusal(status: number, answer: TokenAnswer): AgentRefused {
  return new AgentRefused(status, answer.error ?? 'unknown', answer.error_description ?? `answered ${status}`)
}

async function agentToken(post: Post, options: AgentOptions, audience: string): Promise<string> {
  const answer = await post(`${options.home}/token`, {
    grant_type: EXCHANGE,
    subject_token: await options.evidence(),
    subject_token_type: `${TOKEN_TYPE}jwt`,
    requested_token_type: AGENT_JWT,
    audience,
  })
  return answer.access_token ?? ''
}

function tokenForm(ask: TokenAsk, assertion: string): Record<string, string> {
  const form: Record<string, string> = {
    grant_type: ask.subjectToken ? EXCHANGE : 'client_credentials',
    client_assertion_type: JWT_BEARER,
    client_assertion: assertion,
    resource: ask.resource,
  }
  if (ask.subjectToken) {
    form['subject_token'] = ask.subjectToken
    form['subject_token_type'] = TOKEN_TYPE + (ask.subjectTokenType ?? 'id_token')
  }
  if (ask.scope) form['scope'] = ask.scope.join(' ')
  if (ask.singleUse) form['single_use'] = 'true'
  return form
}

function fetchWith(call: typeof fetch, prove: Prove, token: AccessToken): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const headers = new Headers(request.headers)
    headers.set('authorization', `${token.type} ${token.token}`)
    if (token.type === 'DPoP') headers.set('dpop', await prove(request.method, request.url, token.token))
    return call(input, { ...init, headers })
  }
}

/** Makes an agent with a new key in memory. It asks nobody anything until the first token is wanted. */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const call = options.fetch ?? fetch
  const prove = await makeProver()
  const post = poster(call, prove)
  return {
    token: async (ask) => {
      const assertion = await agentToken(post, options, ask.issuer)
      const answer = await post(`${ask.issuer}/token`, tokenForm(ask, assertion))
      const scope = answer.scope === undefined ? {} : { scope: answer.scope }
      const type = answer.token_type === 'DPoP' ? 'DPoP' : 'Bearer'
      return { token: answer.access_token ?? '', type, expiresIn: answer.expires_in ?? 0, ...scope }
    },
    fetchWith: (token) => fetchWith(call, prove, token),
    lease: async (issuer, token, tools) => {
      const send = fetchWith(call, prove, token)
      const response = await send(`${issuer}/leases`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(tools ? { tools } : {}),
      })
      const answer = (await response.json()) as DatabaseLogin &
        TokenAnswer & { reason?: string; detail?: string }
      if (!response.ok) {
        throw new AgentRefused(
          response.status,
          answer.error ?? answer.reason ?? 'unknown',
          answer.error_description ?? answer.detail ?? '',
        )
      }
      return answer
    },
  }
}
