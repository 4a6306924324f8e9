import { fetchJson } from '../guarded-fetch.ts'
import { good, type Outcome } from '../outcome.ts'
import type { JsonObject } from '../strict-json.ts'
import type { Challenge } from './challenge.ts'
import { scopesOf } from './challenge.ts'
import { problem } from './problem.ts'
import { fetchOptions, type Reach } from './reach.ts'

/** What we use of an authorization server's metadata (RFC 8414 §2); it may be kept as JSON. */
export type AuthorizationServer = {
  /** What it was fetched for and says of itself, to the letter. */
  readonly issuer: string
  readonly authorization_endpoint?: string
  readonly token_endpoint: string
  readonly registration_endpoint?: string
  readonly revocation_endpoint?: string
  readonly scopes_supported?: readonly string[]
  readonly token_endpoint_auth_methods_supported?: readonly string[]
  readonly authorization_response_iss_parameter_supported?: boolean
  readonly client_id_metadata_document_supported?: boolean
}

/** A protected resource (RFC 9728) and the authorization server whose tokens it takes. */
export type Protected = {
  /** RFC 8707: what tokens are asked for. */
  readonly resource: string
  /** What may be asked for there; undefined when it doesn't say. */
  readonly scopes?: readonly string[]
  readonly server: AuthorizationServer
}

/**
 * Where a server's tokens come from, as an MCP client must find it (2026-07-28, authorization): the metadata that its challenge names,
 * else what stands beside its path, else at its root. `issuers` are the authorization servers that may be used; any when left out.
 */
export async function discover(
  reach: Reach,
  at: string,
  challenge: Challenge | undefined,
  issuers?: readonly string[],
): Promise<Outcome<Protected>> {
  const found = await resourceMetadata(reach, at, challenge)
  if (!found.ok) return found
  const { resource, authorization_servers: servers, scopes_supported: scopes } = found.value
  if (typeof resource !== 'string' || !covers(resource, at)) return problem('connect.resource')
  const named = texts(servers)
  if (named.length === 0) return problem('connect.metadata', 'no_servers')
  const issuer = named.find((each) => issuers === undefined || issuers.includes(each))
  if (issuer === undefined) return problem('connect.unlisted')
  const server = await authorizationServer(reach, issuer)
  if (!server.ok) return server
  const asked = Array.isArray(scopes) ? { scopes: scopesOf(texts(scopes).join(' ')) } : {}
  return good({ resource, server: server.value, ...asked })
}

const MOST_NAMED = 20

function texts(value: unknown): readonly string[] {
  const all: readonly unknown[] = Array.isArray(value) ? value.slice(0, MOST_NAMED) : []
  return all.filter((each) => typeof each === 'string')
}

async function resourceMetadata(
  reach: Reach,
  at: string,
  challenge: Challenge | undefined,
): Promise<Outcome<JsonObject>> {
  if (challenge?.metadata !== undefined) return firstOf(reach, [challenge.metadata])
  const { origin, pathname } = new URL(at)
  const beside = pathname === '/' ? [] : [`${origin}/.well-known/oauth-protected-resource${pathname}`]
  return firstOf(reach, [...beside, `${origin}/.well-known/oauth-protected-resource`])
}

/** The first that is there; one that can't be reached is not passed over, since what stands behind it could say something else. */
async function firstOf(reach: Reach, urls: readonly string[]): Promise<Outcome<JsonObject>> {
  for (const url of urls) {
    const document = await fetchJson(reach.fetch, url, fetchOptions(reach))
    if (document.ok) return document
    const { reason } = document.error
    if (!NOT_THERE.has(reason)) return problem('connect.unreachable', reason)
  }
  return problem('connect.metadata', 'not_there')
}

const NOT_THERE: ReadonlySet<string> = new Set(['fetch.status', 'fetch.content_type', 'fetch.json'])

/**
 * RFC 9728 §3.3: metadata is about this server only if its `resource` is this URL, or a place above it on the same origin. Whole path
 * segments: `/mcp` is not above `/mcp-other`.
 */
function covers(resource: string, at: string): boolean {
  const [named, asked] = [URL.parse(resource), new URL(at)]
  if (!named || named.origin !== asked.origin || named.hash !== '' || named.search !== '') return false
  const above = named.pathname.replace(/\/$/, '')
  return asked.pathname === named.pathname || `${asked.pathname}/`.startsWith(`${above}/`)
}

/** RFC 8414 §3.1 and OpenID Connect Discovery 1.0 §4: in the order that MCP gives. */
function metadataUrls(issuer: URL): readonly string[] {
  const path = issuer.pathname.replace(/\/$/, '')
  const at = (rest: string) => `${issuer.origin}${rest}`
  if (path === '')
    return [at('/.well-known/oauth-authorization-server'), at('/.well-known/openid-configuration')]
  return [
    at(`/.well-known/oauth-authorization-server${path}`),
    at(`/.well-known/openid-configuration${path}`),
    at(`${path}/.well-known/openid-configuration`),
  ]
}

/** Metadata of this issuer and no other: simple string comparison (RFC 8414 §3.3), so that one server can't speak for another. */
export async function authorizationServer(
  reach: Reach,
  issuer: string,
): Promise<Outcome<AuthorizationServer>> {
  const url = URL.parse(issuer)
  if (url?.search !== '' || url.hash !== '') return problem('connect.metadata', 'issuer')
  const found = await firstOf(reach, metadataUrls(url))
  if (!found.ok) return found
  const server = found.value
  if (server['issuer'] !== issuer) return problem('connect.issuer')
  // Without the list PKCE may not be taken at all, and a code could be used by who stole it (MCP: clients must refuse).
  if (!texts(server['code_challenge_methods_supported']).includes('S256')) return problem('connect.pkce')
  return picked(server, reach)
}

/** The endpoints that we use, each a URL that may be spoken to. */
function picked(server: JsonObject, reach: Reach): Outcome<AuthorizationServer> {
  for (const name of [
    'authorization_endpoint',
    'token_endpoint',
    'registration_endpoint',
    'revocation_endpoint',
  ])
    if (server[name] !== undefined && !isPlace(server[name], reach)) return problem('connect.metadata', name)
  if (server['token_endpoint'] === undefined) return problem('connect.metadata', 'token_endpoint')
  const kept = Object.fromEntries(USED.flatMap((name) => (name in server ? [[name, server[name]]] : [])))
  return good(kept as unknown as AuthorizationServer)
}

const USED = [
  'issuer',
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'revocation_endpoint',
  'scopes_supported',
  'token_endpoint_auth_methods_supported',
  'authorization_response_iss_parameter_supported',
  'client_id_metadata_document_supported',
] as const

/** A browser is sent to one of them: https, or http where the settings list the place; never another scheme. */
function isPlace(value: unknown, { allow = [] }: Reach): boolean {
  const url = typeof value === 'string' ? URL.parse(value) : null
  if (url?.username !== '' || url.hash !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && allow.includes(url.host))
}
