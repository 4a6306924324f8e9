import type { AuditDraft } from '../core/audit/audit-event.ts'
import type { CredentialAsk } from '../core/enforcement.ts'
import { OPERATOR } from '../core/identity/tenant.ts'
import type { TenantName } from '../core/ids.ts'
import type { AccessRequest } from '../core/policy/access-request.ts'
import { resourceUri } from '../core/policy/resource.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { type AuthorityPorts, type AuthorityView, requireFresh, viewOf, viewToJudge } from './authority.ts'
import { type AuthorizedGateway, serves } from './authorize-gateway.ts'
import type { Permitted } from './open-lease.ts'
import type { PresentedCaller } from './present-token.ts'
import { decisionEvent } from './record-decision.ts'
import { tenantStands, verifyAccessToken } from './verify-access-token.ts'

/** A question of a gateway that the authority answered with yes, by itself. `facts` say in the audit through whom it came. */
export type JudgedAgain = {
  readonly view: AuthorityView
  readonly caller: PresentedCaller
  readonly permitted: Permitted
  readonly facts: NonNullable<AuditDraft['facts']>
}

/**
 * What a gateway says is believed in nothing: the caller's own token and proof are verified again, and the same question is decided
 * again (ARCHITECTURE §1, §2.3). So a stolen gateway gets nothing for an absent caller, for another resource than the token is for, or
 * of a tenant it isn't listed for. Every no is recorded here, and returned.
 */
export async function judgeAgain(
  ports: AuthorityPorts,
  gateway: AuthorizedGateway,
  ask: CredentialAsk,
): Promise<Result<JudgedAgain, Refusal>> {
  requireFresh(ports)
  const known = serves(gateway.gateway, ask.tenant, ask.resource) ? viewOf(ports, ask.tenant) : undefined
  if (!known) {
    await recordStranger(ports, gateway, ask)
    return err(NOT_LISTED)
  }
  const target = known.tenant.resources.get(ask.resource)
  const view = target ? await viewToJudge(known, target) : known
  const facts = { gateway: gateway.gateway.gateway, instance: gateway.instance }
  const caller = verifyCaller(view, ask)
  if (!caller.ok) {
    await record(view, ask, caller.error, facts)
    return caller
  }
  const decision = await ports.decide(requestOf(caller.value, ask), view.snapshot, view.at)
  if (decision.outcome !== 'allow') {
    await view.ports.store.commit({ events: [{ ...decisionEvent(view, decision), facts }] })
    return err(decision.refusal)
  }
  const tool = ask.tool === undefined ? undefined : caller.value.known.tools.get(ask.tool)
  const permitted = tool ? { tool, decision } : { decision }
  return ok({ view, caller: caller.value, permitted, facts })
}

const NOT_LISTED = refuse(
  'unknown',
  'gateway.not_listed',
  'This gateway serves no such tenant, or no such resource of it.',
)

/** The method that a proof of a call is for: tools are called by POST (MCP 2025-11-25, Streamable HTTP). */
const METHOD = 'POST'

function verifyCaller(view: AuthorityView, ask: CredentialAsk): Result<PresentedCaller, Refusal> {
  const fallen = tenantStands(view.tenant)
  if (fallen) return err(fallen)
  const known = view.tenant.resources.get(ask.resource)
  if (!known) return err(NOT_LISTED)
  const { authorization, dpop, method, url } = ask.presented
  const audience = resourceUri(view.ports.gatewayOrigin, view.name, known.resource)
  // A proof made for something else that passed through the gateway is not a proof of this call.
  if (url !== audience || method !== METHOD) {
    const says = 'The proof that was forwarded is not of a call to this resource.'
    return err(refuse('unauthenticated', 'gateway.other_request', says))
  }
  const presented = { authorization: [authorization], dpop: dpop === undefined ? [] : [dpop], method, url }
  const expected = { issuer: view.issuer, audience }
  const ports = { cache: view.ports.memory.tokens, replay: view.ports.replay }
  const access = verifyAccessToken(presented, expected, view.tenant, view.now, ports)
  return access.ok ? ok({ access: access.value, known }) : access
}

function requestOf({ access }: PresentedCaller, ask: CredentialAsk): AccessRequest {
  const { decision: id, tenant, resource, tool, input = {}, address } = ask
  const act = tool === undefined ? ({ kind: 'enter' } as const) : ({ kind: 'call', tool, input } as const)
  const request = { id, tenant, chain: access.chain, resource, act }
  return address === undefined ? request : { ...request, address }
}

async function record(
  view: AuthorityView,
  ask: CredentialAsk,
  refusal: Refusal,
  facts: NonNullable<AuditDraft['facts']>,
): Promise<void> {
  const event: AuditDraft = {
    tenant: view.name,
    at: view.at,
    kind: 'decision',
    outcome: 'deny',
    reason: refusal.reason,
    decision: ask.decision,
    resource: ask.resource,
    ...(ask.tool === undefined ? {} : { tool: ask.tool }),
    revision: view.snapshot.revision,
    facts,
  }
  await view.ports.store.commit({ events: [event] })
}

/** A gateway that asks for what it doesn't serve is broken or stolen: the operator is told, and that tenant's log stays its own. */
async function recordStranger(
  ports: AuthorityPorts,
  { gateway, instance }: AuthorizedGateway,
  ask: { readonly tenant: TenantName; readonly resource: string },
): Promise<void> {
  const facts = { gateway: gateway.gateway, instance, asked: `${ask.tenant}/${ask.resource}` }
  const event = { tenant: OPERATOR, at: ports.now(), kind: 'alarm', outcome: 'deny' } as const
  await ports.store.commit({ events: [{ ...event, reason: NOT_LISTED.reason, facts }] })
}
