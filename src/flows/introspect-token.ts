import type { AccessTokenClaims } from '../core/identity/access-token.ts'
import type { Gateway } from '../core/identity/gateway.ts'
import type { AgentId } from '../core/ids.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { authenticateClient } from './authenticate-client.ts'
import type { AuthorityView } from './authority.ts'
import { authorizeGateway, serves } from './authorize-gateway.ts'
import type { ClientAssertion, Wire } from './token-ask.ts'
import { verifySignedToken } from './verify-access-token.ts'

/** Who may ask about a token: an agent about its own, a gateway about those for resources it serves. */
export type Asker =
  | { readonly kind: 'agent'; readonly id: AgentId }
  | { readonly kind: 'gateway'; readonly gateway: Gateway }

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
  return ok({ kind: 'agent', id: caller.value.workload.id })
}

/** A gateway shows the credential that it holds, with a proof of its key for this request. */
function gatewayAsker(
  view: AuthorityView,
  authorization: readonly string[],
  { dpop, method, url }: Wire,
): Result<Asker, Refusal> {
  if (authorization.length === 0) {
    return err(refuse('unauthenticated', 'client.missing', 'Authenticate with a client assertion.'))
  }
  const authorized = authorizeGateway(view.ports, { authorization, dpop, method, url })
  return authorized.ok ? ok({ kind: 'gateway', gateway: authorized.value.gateway }) : authorized
}

/** Whether the token counts now, told only to those it concerns: anything else is as inactive as a token that never was. */
export function introspectToken(view: AuthorityView, asker: Asker, token: string): Introspection {
  const expected = { issuer: view.issuer, audience: null }
  const verified = verifySignedToken(token, expected, view.tenant, view.now, view.ports.memory.tokens)
  if (!verified.ok) return undefined
  const { claims } = verified.value
  const concerned =
    asker.kind === 'agent' ? claims.client_id === asker.id : gatewayServes(view, asker.gateway, claims.aud)
  return concerned ? claims : undefined
}

function gatewayServes(view: AuthorityView, gateway: Gateway, audience: string): boolean {
  const here = audience.startsWith(`${view.ports.gatewayOrigin}/t/${view.name}/`)
  return here && serves(gateway, view.name, audience.slice(audience.lastIndexOf('/') + 1))
}
