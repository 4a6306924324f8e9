import type { TenantSnapshot } from '../../core/snapshot.ts'
import type { AuthorityView } from '../../flows/authority.ts'
import { signInProvider } from '../../flows/sign-in/begin-sign-in.ts'
import { clientProviders } from '../../flows/sign-in/find-client.ts'
import { ASSERTION_ALGORITHMS } from '../../lib/jose/client-assertion.ts'
import { DPOP_ALGORITHMS } from '../../lib/jose/dpop.ts'
import { GRANT } from './token-form.ts'

const AUTHENTICATION = ['private_key_jwt', 'spiffe_jwt'] as const

/**
 * No ID token is ever issued here. But libraries read what they find under OpenID Connect's name by its schema (Discovery 1.0 §3), and refuse the whole
 * without these.
 */
const OPENID = {
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256'],
}
const ID_JAG_PROFILE = 'urn:ietf:params:oauth:grant-profile:id-jag'

/** RFC 8414 §2. The same document under both names at both places: inserted (§3.1) and, as OpenID Connect Discovery has it, appended (§5). */
export function metadata(view: AuthorityView): Readonly<Record<string, unknown>> {
  const { issuer } = view
  return {
    issuer,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks.json`,
    introspection_endpoint: `${issuer}/introspect`,
    revocation_endpoint: `${issuer}/revoke`,
    grant_types_supported: [GRANT.exchange, GRANT.client, GRANT.bearer],
    response_types_supported: [],
    token_endpoint_auth_methods_supported: AUTHENTICATION,
    token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    introspection_endpoint_auth_methods_supported: AUTHENTICATION,
    introspection_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    revocation_endpoint_auth_methods_supported: AUTHENTICATION,
    revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
    ...OPENID,
    ...idJagMetadata(view),
    ...signInMetadata(view),
  }
}

/** That ID-JAGs are taken, and not whose (draft-ietf-oauth-identity-assertion-authz-grant: no list of issuers is shown). */
function idJagMetadata({ tenant }: AuthorityView): Readonly<Record<string, unknown>> {
  const taken = [...tenant.idps.values()].some((idp) => idp.id_jag !== undefined)
  return taken ? { authorization_grant_profiles_supported: [ID_JAG_PROFILE] } : {}
}

/**
 * What a tenant adds where people sign in through clients: RFC 6749 §4.1, RFC 7636, RFC 9126, RFC 9207, and, as its settings say,
 * RFC 7591 and client metadata documents. Nothing where they don't, so that no client asks for what isn't there.
 */
function signInMetadata(view: AuthorityView): Readonly<Record<string, unknown>> {
  const settings = clientProviders(view).map((provider) => provider.settings)
  if (settings.length === 0 || !signInProvider(view)) return {}
  const { issuer } = view
  const registers = settings.filter(({ registration }) => registration !== undefined).length === 1
  return {
    authorization_endpoint: `${issuer}/authorize`,
    pushed_authorization_request_endpoint: `${issuer}/par`,
    ...(registers ? { registration_endpoint: `${issuer}/register` } : {}),
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: settings.some(({ documents }) => documents !== undefined),
    grant_types_supported: Object.values(GRANT),
    token_endpoint_auth_methods_supported: [...AUTHENTICATION, 'none'],
    revocation_endpoint_auth_methods_supported: [...AUTHENTICATION, 'none'],
  }
}

/** RFC 7517 §5: the keys that sign this tenant's tokens, now, next or until lately. */
export function jwks(tenant: TenantSnapshot): { readonly keys: readonly unknown[] } {
  return { keys: [...tenant.keys.values()].map((key) => key.jwk) }
}
