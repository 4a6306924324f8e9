import { hash } from 'node:crypto'
import { z } from 'zod'

/**
 * How a client came to be known: the tenant listed it, its metadata document says so (Client ID Metadata Documents), or it
 * registered itself (RFC 7591). By itself none of the three proves who runs it.
 */
export type ClientSource = 'listed' | 'document' | 'registered'

/** Where the public keys of a client are: in what is known of it, or at a place of its own. */
export type ClientKeys = { readonly jwks: ClientJwks } | { readonly jwksUri: string }

/** An OAuth client that people sign in through. Without `keys` it proves nothing about itself. */
export type OAuthClient = {
  readonly id: string
  readonly source: ClientSource
  /** What it calls itself. */
  readonly name: string
  readonly redirectUris: readonly string[]
  /** It must prove itself by one of these wherever it asks for a token (`private_key_jwt`). */
  readonly keys?: ClientKeys
}

/**
 * What a client has proven once it showed its key: `enrolled`, a standing key, where the tenant or the publisher of its document says whose
 * key that is. A client that registered itself brought its own key, which proves that it is the same again and not who it is: `claimed`.
 */
export function clientProof({ keys, source }: OAuthClient): 'enrolled' | 'claimed' {
  return keys !== undefined && source !== 'registered' ? 'enrolled' : 'claimed'
}

export const MAX_CLIENT_ID = 300
export const MAX_REDIRECT = 500
const MAX_REDIRECTS = 10

/** A name that is shown to people: no control characters or marks that turn the direction of text, which could hide what follows. */
export const clientNameSchema = z
  .string()
  .min(1)
  .max(80)
  .refine((text) => !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text), {
    error: 'a name holds no invisible characters',
  })

export const redirectUrisSchema = z.array(z.string().max(MAX_REDIRECT)).min(1).max(MAX_REDIRECTS)

/** A JWKS (RFC 7517 §5) of a client; the JOSE door reads the keys themselves. */
export const clientJwksSchema = z.looseObject({
  keys: z
    .array(z.looseObject({ kty: z.string().max(20) }))
    .min(1)
    .max(10),
})
export type ClientJwks = z.infer<typeof clientJwksSchema>

/**
 * What of a client's metadata counts here (RFC 7591 §2). Members that we don't know are ignored, as the RFC demands: clients send many.
 * A client is public or shows its own key: a secret would have to be stored somewhere.
 */
export const clientMetadataSchema = z.looseObject({
  client_name: clientNameSchema.optional(),
  redirect_uris: redirectUrisSchema,
  token_endpoint_auth_method: z.string().max(40).optional(),
  jwks: clientJwksSchema.optional(),
  jwks_uri: z.string().max(MAX_CLIENT_ID).optional(),
  grant_types: z.array(z.string().max(80)).max(10).optional(),
  response_types: z.array(z.string().max(40)).max(10).optional(),
})
export type ClientMetadata = z.infer<typeof clientMetadataSchema>

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Whether a redirect stays on the user's own machine, where any program may be the one that listens. */
export function isLoopback(uri: string): boolean {
  const url = URL.parse(uri)
  return url !== null && url.protocol === 'http:' && LOOPBACK.has(url.hostname)
}

/**
 * Whether a redirect may be registered (OAuth 2.1 §2.3): https; http to this machine alone (RFC 8252 §7.3); or a private-use scheme
 * (RFC 8252 §7.1) that the tenant lists. No fragment, no login, and the one spelling that a URL parser gives back.
 */
export function mayRedirectTo(uri: string, schemes: readonly string[]): boolean {
  const url = URL.parse(uri)
  if (url === null || uri.includes('#') || url.username !== '' || url.password !== '') return false
  if (url.protocol === 'https:') return isPlain(url, uri)
  if (url.protocol === 'http:') return isLoopback(uri) && isPlain(url, uri)
  return schemes.includes(url.protocol.slice(0, -1)) && /^[\x21-\x7e]+$/.test(uri)
}

/** `http://localhost:1/a` and what a browser makes of `http://LOCALHOST:01/./a` are one place but two texts, and texts are compared. */
function isPlain(url: URL, uri: string): boolean {
  return url.href === uri || url.href === `${uri}/`
}

/**
 * Whether a redirect that is asked for is one of a client's: the same text (RFC 9700 §2.1), but for the port on loopback, which the
 * system picks when a native client starts (RFC 8252 §7.3).
 */
export function isRedirectOf(client: Pick<OAuthClient, 'redirectUris'>, uri: string): boolean {
  if (client.redirectUris.includes(uri)) return true
  if (!isLoopback(uri)) return false
  const asked = portless(uri)
  return client.redirectUris.some((registered) => isLoopback(registered) && portless(registered) === asked)
}

function portless(uri: string): string {
  const url = new URL(uri)
  url.port = ''
  return url.href
}

/** What is known of a client, in the form in which agents say what must be proven of them. */
export function clientSelectors(trust: string, client: OAuthClient): readonly string[] {
  const host = client.source === 'document' ? [`client:host:${new URL(client.id).host}`] : []
  const auth = `client:auth:${client.keys === undefined ? 'none' : 'private_key_jwt'}`
  return [`trust:${trust}`, `client:via:${client.source}`, `client:id:${client.id}`, auth, ...host]
}

/**
 * Whether a client id is a URL that may name a metadata document (draft-ietf-oauth-client-id-metadata-document §3): https, a path, no
 * fragment, query, login or dot segments. Plain http is for a listed place on this machine; the fetch itself refuses it anywhere else.
 */
export function isDocumentId(id: string): boolean {
  const url = URL.parse(id)
  if (url === null || !/^https?:$/.test(url.protocol)) return false
  const bare = url.username === '' && url.password === '' && url.search === '' && !id.includes('#')
  return bare && url.pathname !== '/' && url.href === id
}

/** A client in links: a digest, since ids may be URLs and links travel in tokens. */
export function clientLinkName(id: string): string {
  return `cl_${hash('sha256', id, 'base64url').slice(0, 22)}`
}
