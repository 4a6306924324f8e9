import { type AuthorityView, requireSigner } from '../../flows/authority.ts'
import { signJwt } from '../../lib/jose/jwt.ts'

/** Paths of the API under a tenant's issuer (Authorization API 1.0 §10.1, the defaults). */
export const ENDPOINTS = {
  access_evaluation_endpoint: 'access/v1/evaluation',
  access_evaluations_endpoint: 'access/v1/evaluations',
  search_subject_endpoint: 'access/v1/search/subject',
  search_resource_endpoint: 'access/v1/search/resource',
  search_action_endpoint: 'access/v1/search/action',
} as const

/** A type of its own: no other place takes a token of it, though the tenant's token key has signed it. */
const TYP = 'authzen-configuration+jwt'
/** Seconds that a signed statement may be believed. */
const LIFE = 3600

/** Policy Decision Point metadata (§9.1): the tenant's issuer is its decision point, and says so under its own key too. */
export function configuration(view: AuthorityView): Readonly<Record<string, unknown>> {
  const endpoints = Object.entries(ENDPOINTS).map(([name, path]) => [name, `${view.issuer}/${path}`])
  const parameters = { policy_decision_point: view.issuer, ...Object.fromEntries(endpoints) }
  return { ...parameters, signed_metadata: signed(view, parameters) }
}

/** §9.1.3. Throws Unavailable while the tenant has no key: without the signature the document would say less than it did. */
function signed(view: AuthorityView, parameters: Readonly<Record<string, unknown>>): string {
  const { key, kid } = requireSigner(view)
  const claims = { iss: view.issuer, iat: view.now, exp: view.now + LIFE, ...parameters }
  return signJwt(claims, { key, kid, typ: TYP })
}
