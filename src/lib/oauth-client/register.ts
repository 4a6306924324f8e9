import { fetchJson } from '../guarded-fetch.ts'
import { good, type Outcome } from '../outcome.ts'
import type { JsonObject } from '../strict-json.ts'
import type { AuthorizationServer } from './discover.ts'
import { problem } from './problem.ts'
import { fetchOptions, type Reach } from './reach.ts'

export type ClientAuth = 'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'

/** What we are at one authorization server, and at no other. */
export type OurClient = {
  readonly id: string
  readonly auth: ClientAuth
  readonly secret?: string
  /** Epoch seconds at which the secret ends (RFC 7591 §3.2.1); absent: never. */
  readonly secretExpires?: number
}

export type Registering = {
  /** What somebody registered by hand, by issuer; it comes first. */
  readonly listed?: Readonly<Record<string, OurClient>>
  /** Our own metadata document (OAuth Client ID Metadata Document), where servers take one. */
  readonly document?: string
  readonly name: string
  readonly redirectUri: string
}

/** Whether a server knows us without being asked: by what was registered by hand, or by our document. */
export function knownClient(server: AuthorizationServer, ours: Registering): OurClient | undefined {
  const listed =
    ours.listed && Object.hasOwn(ours.listed, server.issuer) ? ours.listed[server.issuer] : undefined
  if (listed) return listed
  const takes = server.client_id_metadata_document_supported === true
  return takes && ours.document !== undefined ? { id: ours.document, auth: 'none' } : undefined
}

/** Dynamic registration (RFC 7591), the last resort: deprecated in MCP, and used. */
export async function register(
  reach: Reach,
  server: AuthorizationServer,
  ours: Registering,
): Promise<Outcome<OurClient>> {
  if (server.registration_endpoint === undefined) return problem('connect.no_registration')
  const wanted = authFor(server)
  if (wanted === undefined) return problem('connect.no_registration', 'auth_method')
  const metadata = {
    client_name: ours.name,
    redirect_uris: [ours.redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: wanted,
    // OpenID Connect Registration 1.0 §2: a redirect on loopback is a native program's.
    application_type: ours.redirectUri.startsWith('http:') ? 'native' : 'web',
  }
  const answer = await fetchJson(reach.fetch, server.registration_endpoint, {
    ...fetchOptions(reach),
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(metadata),
  })
  if (!answer.ok) return problem('connect.registration', answer.error.reason)
  return clientOf(answer.value, wanted)
}

/** With a secret first: a refresh token is then of no use to who only has it. RFC 8414 §2: without a list it is client_secret_basic. */
function authFor(server: AuthorizationServer): ClientAuth | undefined {
  const taken = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
  return (['client_secret_basic', 'client_secret_post', 'none'] as const).find((method) =>
    taken.includes(method),
  )
}

/**
 * What the server registered counts, not what was asked for (RFC 7591 §3.2.1). Servers answer 200 where 201 is meant, and leave out when a
 * secret ends: neither is held against them.
 */
function clientOf(answer: JsonObject, wanted: ClientAuth): Outcome<OurClient> {
  const { client_id: id, client_secret: secret, client_secret_expires_at: ends } = answer
  if (typeof id !== 'string' || id === '') return problem('connect.registration', 'client_id')
  const stated = answer['token_endpoint_auth_method']
  if (typeof secret !== 'string' || stated === 'none') return good({ id, auth: 'none' })
  const post = stated === 'client_secret_post' || (stated === undefined && wanted === 'client_secret_post')
  const client: OurClient = { id, secret, auth: post ? 'client_secret_post' : 'client_secret_basic' }
  return good(typeof ends === 'number' && ends > 0 ? { ...client, secretExpires: ends } : client)
}
