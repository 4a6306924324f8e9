import type { AccessTokenClaims } from '../core/identity/access-token.ts'
import type { Gateway } from '../core/identity/gateway.ts'
import { clientLinkName } from '../core/identity/oauth-client.ts'
import type { AgentId } from '../core/ids.ts'
import { endedBy, link } from '../core/lifecycle/revocation.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { authenticateClient } from './authenticate-client.ts'
import type { AuthorityView } from './authority.ts'
import { authorizeGateway, serves } from './authorize-gateway.ts'
import type { FoundClient } from './sign-in/find-client.ts'
import { clientOfAssertion, proveClient, proveFound } from './sign-in/prove-client.ts'
import { findRenewable } from './sign-in/renew-session.ts'
import type { ClientAssertion, Wire } from './token-ask.ts'
import { verifySignedToken } from './verify-access-token.ts'

/** Who may ask about a token: an agent about its own, a gateway about those for resources it serves. */
export type Asker =
  | { readonly kind: 'agent'; readonly id: AgentId }
  | { readonly kind: 'gateway'; readonly gateway: Gateway }
  /** A client that people sign in through. What it may say of a token is limited to those it was given. */
  | { readonly kind: 'client'; readonly found: FoundClient }

/** What is said about a token, RFC 7662 §2.2; `undefined` is `active: false` and nothing else. Of a refresh token: whose session it renews. */
export type Introspection = AccessTokenClaims | RefreshClaims | undefined
type RefreshClaims = Pick<AccessTokenClaims, 'iss' | 'sub' | 'aud' | 'client_id' | 'exp' | 'sid' | 'scope'>

/** How the caller of introspection or revocation says who it is. */
export type AskedBy = {
  readonly client?: ClientAssertion
  readonly authorization: readonly string[]
  /** The name of a client that proves nothing. */
  readonly publicClient?: string
}

/** The caller of introspection or revocation: by client assertion, a gateway by the credential it holds, or a public client by its name. */
export async function authenticateAsker(
  view: AuthorityView,
  by: AskedBy,
  wire: Wire,
): Promise<Result<Asker, Refusal>> {
  if (by.client && by.authorization.length > 0)
    return err(refuse('malformed', 'client.two_methods', 'Authenticate in one way only.'))
  if (!by.client && by.publicClient !== undefined && by.authorization.length === 0)
    return asClient(await proveClient(view, { clientId: by.publicClient }))
  if (!by.client) return gatewayAsker(view, by.authorization, wire)
  const client = await clientOfAssertion(view, by.client.assertion)
  if (client) return asClient(await proveFound(view, client, by.client.assertion))
  const caller = await authenticateClient(view, by.client, wire)
  if (!caller.ok) return caller
  return ok({ kind: 'agent', id: caller.value.workload.id })
}

function asClient(found: Result<FoundClient, Refusal>): Result<Asker, Refusal> {
  return found.ok ? ok({ kind: 'client', found: found.value }) : found
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
export async function introspectToken(
  view: AuthorityView,
  asker: Asker,
  token: string,
): Promise<Introspection> {
  const expected = { issuer: view.issuer, audience: null }
  const verified = verifySignedToken(token, expected, view.tenant, view.now, view.ports.memory.tokens)
  if (!verified.ok) return asker.kind === 'client' ? introspectRefresh(view, asker.found, token) : undefined
  const { claims } = verified.value
  return concerns(view, asker, claims) ? claims : undefined
}

/** A refresh token of this client: the newest of a session that nothing has ended. */
async function introspectRefresh(
  view: AuthorityView,
  found: FoundClient,
  token: string,
): Promise<RefreshClaims | undefined> {
  const renewable = await findRenewable(view, token, found.client.id)
  if (!renewable?.newest) return undefined
  const { request, signedIn, session, links, rev } = renewable.agreement
  if (endedBy([...links, ...found.links], rev, view.tenant.revocations)) return undefined
  const said = { iss: view.issuer, sub: signedIn.user.id, aud: request.resource, sid: session.id }
  return { ...said, client_id: found.workload.id, exp: session.expires, scope: request.scope?.join(' ') }
}

function concerns(view: AuthorityView, asker: Asker, claims: AccessTokenClaims): boolean {
  if (asker.kind === 'gateway') return gatewayServes(view, asker.gateway, claims.aud)
  return isOwnToken(asker, claims)
}

/** Whether the asker is whom the token was given to. Many OAuth clients may be one agent, so theirs are told apart by the client's link. */
export function isOwnToken(asker: Asker, claims: AccessTokenClaims): boolean {
  if (asker.kind === 'gateway') return false
  if (asker.kind === 'agent') return claims.client_id === asker.id
  const own = link('client', clientLinkName(asker.found.client.id))
  return claims.client_id === asker.found.workload.id && claims.lin.includes(own)
}

function gatewayServes(view: AuthorityView, gateway: Gateway, audience: string): boolean {
  const here = audience.startsWith(`${view.ports.gatewayOrigin}/t/${view.name}/`)
  return here && serves(gateway, view.name, audience.slice(audience.lastIndexOf('/') + 1))
}
