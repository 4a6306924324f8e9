import type { AccessTokenClaims } from '../core/identity/access-token.ts'
import { OPERATOR } from '../core/identity/tenant.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { TenantSnapshot } from '../core/snapshot.ts'
import { authenticateClient } from './authenticate-client.ts'
import { type AuthorityView, viewOf } from './authority.ts'
import { bearerRefusal } from './issue-access-token.ts'
import { gatewayAudience } from './issue-gateway-token.ts'
import type { ClientAssertion, Wire } from './token-ask.ts'
import { verifyAccessToken, verifySignedToken } from './verify-access-token.ts'

/** Who may ask about a token: an agent about its own, a gateway about those for resources it serves. */
export type Asker = { readonly kind: 'agent' | 'gateway'; readonly id: string }

/** What is said about a token, RFC 7662 §2.2; `undefined` is `active: false` and nothing else. */
export type Introspection = AccessTokenClaims | undefined

/** The caller of introspection or revocation: by client assertion, or a gateway by the credential it holds. */
export async function authenticateAsker(
  view: AuthorityView,
  by: { readonly client?: ClientAssertion; readonly authorization: readonly string[] },
  wire: Wire,
): Promise<Result<Asker, Refusal>> {
  if (by.client && by.authorization.length > 0)
    return err(refuse('malformed', 'client.two_methods', 'Authenticate in one way only.'))
  if (!by.client) return gatewayAsker(view, by.authorization, wire)
  const caller = await authenticateClient(view, by.client, wire)
  if (!caller.ok) return caller
  const unbound = bearerRefusal(caller.value)
  if (unbound) return err(unbound)
  const { workload } = caller.value
  return ok({ kind: workload.kind, id: workload.id })
}

/** A gateway's credential is of the operator's tenant, whichever tenant it asks about. */
function gatewayAsker(
  view: AuthorityView,
  authorization: readonly string[],
  wire: Wire,
): Result<Asker, Refusal> {
  if (authorization.length === 0)
    return err(refuse('unauthenticated', 'client.missing', 'Authenticate with a client assertion.'))
  const operator = viewOf(view.ports, OPERATOR)
  if (!operator) return err(refuse('unauthenticated', 'client.unknown', 'No such agent is registered here.'))
  const { memory, replay, origin } = view.ports
  const presented = { authorization, dpop: wire.dpop, method: wire.method, url: wire.url }
  const expected = { issuer: operator.issuer, audience: gatewayAudience(origin) }
  const verified = verifyAccessToken(presented, expected, operator.tenant, view.now, {
    cache: memory.tokens,
    replay,
  })
  return verified.ok ? ok({ kind: 'gateway', id: verified.value.claims.client_id }) : verified
}

/** Whether the token counts now, told only to those it concerns: anything else is as inactive as a token that never was. */
export function introspectToken(view: AuthorityView, asker: Asker, token: string): Introspection {
  const expected = { issuer: view.issuer, audience: null }
  const verified = verifySignedToken(token, expected, view.tenant, view.now, view.ports.memory.tokens)
  if (!verified.ok) return undefined
  const { claims } = verified.value
  const concerned =
    asker.kind === 'agent' ? claims.client_id === asker.id : gatewayServes(view, asker.id, claims.aud)
  return concerned ? claims : undefined
}

function gatewayServes(view: AuthorityView, id: string, audience: string): boolean {
  const operator: TenantSnapshot | undefined = view.snapshot.tenants.get(OPERATOR)
  const gateway = operator?.gateways.get(id.slice('gateway:'.length))
  if (
    !gateway?.tenants.includes(view.name) ||
    !audience.startsWith(`${view.ports.gatewayOrigin}/t/${view.name}/`)
  )
    return false
  const resource = audience.slice(audience.lastIndexOf('/') + 1)
  return gateway.resources === undefined || gateway.resources.includes(resource)
}
