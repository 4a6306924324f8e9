import type { ClientJwks, ClientMetadata, OAuthClient } from '../../core/identity/oauth-client.ts'
import { importJwks } from '../../lib/jose/key-set.ts'

type Read =
  | { readonly ok: true; readonly value: Pick<OAuthClient, 'keys'> }
  | { readonly ok: false; readonly error: 'auth_method' | 'jwks' | 'jwks_uri' }

/**
 * How a client says that it proves itself (RFC 7591 §2): not at all, or by a key, which stands in its metadata or on one of `hosts`
 * (undefined: on any). A secret would have to be kept somewhere, so no method with one is taken.
 */
export function readClientKeys(metadata: ClientMetadata, hosts: readonly string[] | undefined): Read {
  const { token_endpoint_auth_method: auth = 'none', jwks, jwks_uri: jwksUri } = metadata
  if (auth === 'none') return { ok: true, value: {} }
  if (auth !== 'private_key_jwt') return { ok: false, error: 'auth_method' }
  // RFC 7591 §2: the two must not both be there.
  if ((jwks === undefined) === (jwksUri === undefined)) return { ok: false, error: 'jwks' }
  if (jwksUri !== undefined) {
    const url = URL.parse(jwksUri)
    // Anybody may write an address here; only what the tenant lists is ever asked for.
    const known = url !== null && (hosts === undefined || hosts.includes(url.host))
    return known ? { ok: true, value: { keys: { jwksUri } } } : { ok: false, error: 'jwks_uri' }
  }
  return jwks !== undefined && holdsKey(jwks)
    ? { ok: true, value: { keys: { jwks } } }
    : { ok: false, error: 'jwks' }
}

function holdsKey(jwks: ClientJwks): boolean {
  const read = importJwks(jwks)
  return read.ok && read.value.byKid.size + read.value.withoutKid.length > 0
}
