import type { AuditDraft } from '../core/audit/audit-event.ts'
import type { DecisionId } from '../core/ids.ts'
import type { AccessRequest, Json } from '../core/policy/access-request.ts'
import { resourceUri } from '../core/policy/resource.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, type Result } from '../core/result.ts'
import type { KnownResource } from '../core/snapshot.ts'
import { parseJws } from '../lib/jose/jws.ts'
import { unverifiedClaims } from '../lib/jose/jwt.ts'
import type { AuthorityView } from './authority.ts'
import { refusedTokenEvent } from './refused-token.ts'
import { type PresentedToken, type VerifiedAccess, verifyAccessToken } from './verify-access-token.ts'

export type PresentedCaller = { readonly access: VerifiedAccess; readonly known: KnownResource }

/** The resource that a token says it is for, before it is verified: it only picks which audience to demand. */
function claimedResource(
  view: AuthorityView,
  presented: PresentedToken,
  type: string,
): KnownResource | undefined {
  const compact = /^\S+ +(\S+)$/.exec(presented.authorization[0] ?? '')?.[1] ?? ''
  const jws = parseJws(compact)
  const claims = jws.ok ? unverifiedClaims(jws.value) : jws
  if (!claims.ok) return undefined
  const known = [...view.tenant.resources.values()]
  const { gatewayOrigin } = view.ports
  return known.find(
    ({ resource }) =>
      resource.type === type && resourceUri(gatewayOrigin, view.name, resource) === claims.value.aud,
  )
}

/**
 * As `authenticateCaller`, and writes a genuine token's refusal down before it is returned (ARCHITECTURE §2.7).
 */
export async function authenticateRecorded(
  view: AuthorityView,
  presented: PresentedToken,
  type: string,
): Promise<Result<PresentedCaller, Refusal>> {
  const caller = authenticateCaller(view, presented, type)
  if (caller.ok) return caller
  const shown = { tenant: view.name, at: view.at, revision: view.snapshot.revision }
  const event = refusedTokenEvent(shown, presented.authorization[0], caller.error)
  if (event) await view.ports.store.commit({ events: [event] })
  return caller
}

/** The record of a known caller that was refused before there was anything to decide. */
export function refusedCallEvent(
  view: AuthorityView,
  { access, known }: PresentedCaller,
  refusal: Refusal,
): AuditDraft {
  const { agent, session } = access.chain
  const about = { agent, session, resource: known.resource.resource, revision: view.snapshot.revision }
  return {
    tenant: view.name,
    at: view.at,
    kind: 'decision',
    outcome: 'deny',
    reason: refusal.reason,
    ...about,
  }
}

/**
 * Verifies an access token that was presented at the authority for one kind of resource (`postgres`, `facts`): which one, the token
 * says itself, and it must be meant for exactly that one. `token.audience` when it names none of that kind.
 */
function authenticateCaller(
  view: AuthorityView,
  presented: PresentedToken,
  type: string,
): Result<PresentedCaller, Refusal> {
  const known = claimedResource(view, presented, type)
  const audience = known
    ? resourceUri(view.ports.gatewayOrigin, view.name, known.resource)
    : `${view.issuer}/none`
  const ports = { cache: view.ports.memory.tokens, replay: view.ports.replay }
  const access = verifyAccessToken(presented, { issuer: view.issuer, audience }, view.tenant, view.now, ports)
  if (!access.ok) return access
  if (!known) return err(refuse('unauthenticated', 'token.audience', 'The token is not meant for this.'))
  return { ok: true, value: { access: access.value, known } }
}

/** The question for one tool that the caller's token reaches. */
export function callOf(
  view: AuthorityView,
  caller: PresentedCaller,
  tool: string,
  input: Json,
  address: string,
): AccessRequest {
  return {
    id: view.ports.newId('decision') as DecisionId,
    tenant: view.name,
    chain: caller.access.chain,
    resource: caller.known.resource.resource,
    act: { kind: 'call', tool, input },
    address,
  }
}
