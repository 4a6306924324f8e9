import type { AuditDraft } from '../core/audit/audit-event.ts'
import type { DecisionId } from '../core/ids.ts'
import type { AccessRequest } from '../core/policy/access-request.ts'
import type { Decision } from '../core/policy/decision.ts'
import type { Refusal, Unavailable } from '../core/refusal.ts'
import { type GatewayCaller, staleFor } from './authenticate-at-gateway.ts'
import type { Enforcement } from './enforcement.ts'
import { decisionEvent } from './record-decision.ts'

/** What the audit keeps of a call beside the decision: its input as a commitment, and the names of declared arguments. */
export type Asked = { readonly input?: string; readonly arguments?: string; readonly about?: string }

/**
 * Decides, and answers only once the decision is on disk: what can't be recorded isn't answered (ARCHITECTURE §2.4). Throws
 * `Unavailable`: `gateway.stale`, recorded as a refusal, or what keeps the Journal from taking it.
 */
export async function decideAtGateway(
  enforcement: Enforcement,
  caller: GatewayCaller,
  act: AccessRequest['act'],
  asked: Asked = {},
): Promise<Decision> {
  const { point } = enforcement
  const request = askedBy(enforcement, caller, act)
  const stale = whyStale(enforcement, caller, request)
  if (stale) await refuseStale(enforcement, caller, request, stale)
  const decision = await enforcement.engine.decide(request, point.snapshot(), point.now())
  await point.record(eventOf(enforcement, caller, decision, asked))
  return decision
}

/** A caller's question, not decided yet. */
export function askedBy(
  { point }: Enforcement,
  { target, access, address }: GatewayCaller,
  act: AccessRequest['act'],
): AccessRequest {
  const id = point.newId('decision') as DecisionId
  const resource = target.resource.resource
  return { id, tenant: target.tenant, chain: access.chain, resource, act, address }
}

/** After the decision: how what it allowed came out. */
export function recordOutcome(
  { point }: Enforcement,
  decision: Decision,
  outcome: AuditDraft['outcome'],
  reason: string,
  began: number,
): Promise<void> {
  const { request } = decision
  const { chain, act } = request
  return point.record({
    tenant: request.tenant,
    at: point.now(),
    kind: 'outcome',
    outcome,
    reason,
    decision: decision.id,
    agent: chain.agent,
    session: chain.session,
    resource: request.resource,
    ...(act.kind === 'enter' ? {} : { tool: act.tool }),
    ms: Math.round((performance.now() - began) * 10) / 10,
  })
}

/** As `recordOutcome`, for a refusal that came after the decision. */
export function recordRefusal(
  enforcement: Enforcement,
  decision: Decision,
  refusal: Refusal,
  began: number,
): Promise<void> {
  return recordOutcome(enforcement, decision, 'deny', refusal.reason, began)
}

function eventOf(
  { point }: Enforcement,
  caller: GatewayCaller,
  decision: Decision,
  asked: Asked,
): AuditDraft {
  const { target, access } = caller
  const event = decisionEvent({ name: target.tenant, at: point.now(), tenant: target.view }, decision)
  const personal = asked.input === undefined ? event.personal : { ...event.personal, input: asked.input }
  return {
    ...event,
    token: access.jti,
    ...(personal === undefined ? {} : { personal }),
    ...factsOf(asked),
  }
}

function factsOf({ arguments: names, about }: Asked): Pick<AuditDraft, 'facts'> {
  if (names === undefined && about === undefined) return {}
  return {
    facts: {
      ...(names === undefined ? {} : { arguments: names }),
      ...(about === undefined ? {} : { about }),
    },
  }
}

/** Why this gateway's view is too old for this use of the resource, if so. */
function whyStale(
  enforcement: Enforcement,
  { target }: GatewayCaller,
  { resource, act }: AccessRequest,
): Unavailable | undefined {
  const tool = act.kind === 'enter' ? undefined : target.view.resources.get(resource)?.tools.get(act.tool)
  return staleFor(enforcement, target, tool?.hint ?? 'read')
}

async function refuseStale(
  { point }: Enforcement,
  { target }: GatewayCaller,
  { id, chain, resource, act }: AccessRequest,
  stale: Unavailable,
): Promise<never> {
  const event = { tenant: target.tenant, at: point.now(), kind: 'decision', outcome: 'deny' } as const
  const { agent, session } = chain
  const named = act.kind === 'enter' ? {} : { tool: act.tool }
  await point.record({ ...event, ...named, reason: stale.reason, decision: id, agent, session, resource })
  throw stale
}
