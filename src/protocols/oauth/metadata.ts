import type { TenantSnapshot } from '../../core/snapshot.ts'
import { DPOP_ALGORITHMS } from '../../lib/jose/dpop.ts'
import { GRANT } from './token-form.ts'

/** RFC 8414 §2. The same document at both places: inserted (§3.1) and, as OpenID Connect Discovery has it, appended (§5). */
export function metadata(issuer: string): Readonly<Record<string, unknown>> {
  const auth = ['private_key_jwt', 'spiffe_jwt']
  const algorithms = ['ES256', 'Ed25519', 'PS256', 'RS256']
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    pushed_authorization_request_endpoint: `${issuer}/par`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks.json`,
    introspection_endpoint: `${issuer}/introspect`,
    revocation_endpoint: `${issuer}/revoke`,
    grant_types_supported: Object.values(GRANT),
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    token_endpoint_auth_methods_supported: [...auth, 'none'],
    token_endpoint_auth_signing_alg_values_supported: algorithms,
    introspection_endpoint_auth_methods_supported: auth,
    introspection_endpoint_auth_signing_alg_values_supported: algorithms,
    revocation_endpoint_auth_methods_supported: auth,
    revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
  }
}

/** RFC 7517 §5: the keys that sign this tenant's tokens, now, next or until lately. */
export function jwks(tenant: TenantSnapshot): { readonly keys: readonly unknown[] } {
  return { keys: [...tenant.keys.values()].map((key) => key.jwk) }
}
