import { endedBy, link } from '../lifecycle/revocation.ts'
import { type Refusal, refuse } from '../refusal.ts'
import type { TenantSnapshot } from '../snapshot.ts'
import { type CedarPolicy, evaluatePolicy, UNKNOWN, type Value } from './cedar/cedar.ts'
import type { Explanation, Side } from './decision.ts'
import { covers, type Delegation } from './delegation.ts'
import { askCondition, cedarRequest, type Frame, type FrameSide, type NamedResult, sidesOf } from './frame.ts'
import { projectInput } from './project-input.ts'
import { namedAgent, nameOf, type Whole } from './question.ts'
import { conditionRefusal, sideRefusal } from './refusals.ts'
import type { Tool } from './tool.ts'

/** What the question comes to for one tool. `asks` are the determining permits that want a person's answer. */
export type Judgement = {
  readonly refusal?: Refusal
  readonly explanation: Explanation
  readonly asks: readonly string[]
  /** How far it came before it was refused: of several tools, the reason of the one that came furthest is the one to act on. */
  readonly reached: number
}

/** Asks each condition once for a question, however many policies and tools name it. */
export type AskedConditions = (tenant: TenantSnapshot, name: string) => NamedResult

export function conditionsOf(question: Whole): AskedConditions {
  const asked = new Map<TenantSnapshot, Map<string, NamedResult>>()
  return (tenant, name) => {
    const ofTenant = asked.get(tenant) ?? new Map<string, NamedResult>()
    asked.set(tenant, ofTenant)
    const result = ofTenant.get(name) ?? askCondition(tenant, name, question)
    ofTenant.set(name, result)
    return result
  }
}

/** Scope, delegation, conditions and policies for one tool, in this order. */
export function judgeTool(question: Whole, tool: Tool, conditions: AskedConditions): Judgement {
  const scope = question.chain.scope
  if (scope !== undefined && !scope.includes(tool.action)) {
    const says = `The credential was narrowed to other tools than \`${tool.action}\`.`
    return refused(0, refuse('denied', 'chain.scope', says, { tool: tool.action }))
  }
  const delegation = delegationFor(question, tool)
  if (delegation !== undefined && typeof delegation !== 'string') return refused(1, delegation)
  const input = inputOf(question, tool)
  if ('refused' in input) return refused(2, input)
  return judgePolicies(question, tool, input, conditions, delegation)
}

function refused(reached: number, refusal: Refusal): Judgement {
  return { refusal, reached, asks: [], explanation: { sides: [], conditions: [] } }
}

function inputOf({ request }: Whole, tool: Tool): Value | Refusal {
  if (request.act.kind !== 'call') return UNKNOWN
  const projected = projectInput(tool.input, request.act.input)
  return projected.ok ? projected.value : projected.error
}

/** The delegation by which this agent acts for this user here, or why none does; nothing when there is no user. */
function delegationFor(question: Whole, tool: Tool): string | Refusal | undefined {
  const { user, tenant, chain, now } = question
  if (user === undefined) return undefined
  let ended: Delegation | undefined
  for (const delegation of tenant.delegations.values()) {
    if (!names(delegation, question) || !covers(delegation, tool.action)) continue
    const past = delegation.until !== undefined && now >= Date.parse(delegation.until)
    const revoked = endedBy([link('delegation', delegation.delegation)], chain.rev, tenant.revocations)
    if (!past && !revoked) return delegation.delegation
    ended = delegation
  }
  const who = nameOf(question.caller)
  if (ended !== undefined) {
    const says = `\`${who}\` may no longer use \`${tool.action}\` for ${user.user}: that delegation has ended.`
    return refuse('denied', 'delegation.ended', says, { delegation: ended.delegation })
  }
  const says = `Nobody has let \`${who}\` use \`${tool.action}\` for ${user.user}; a delegation is needed.`
  return refuse('denied', 'delegation.missing', says, { tool: tool.action })
}

function names(delegation: Delegation, { chain, user }: Whole): boolean {
  return (
    namedAgent(chain.tenant, delegation.agent) === chain.agent &&
    (delegation.user === '*' || delegation.user === user?.user)
  )
}

function judgePolicies(
  question: Whole,
  tool: Tool,
  input: Value,
  conditions: AskedConditions,
  delegation: string | undefined,
): Judgement {
  const sides = sidesOf(question, tool, input)
  const named = new Map(sides.map(({ frame }) => [frame, namedIn(frame, sides, conditions)]))
  const own = [...named].find(([frame]) => frame.tenant === question.tenant)?.[1] ?? []
  const known = { conditions: own, ...(delegation === undefined ? {} : { delegation }) }
  for (const [frame, results] of named) {
    const refusal = conditionRefusal(results, frame.tenant !== question.tenant)
    if (refusal) return { refusal, reached: 5, asks: [], explanation: { sides: [], ...known } }
  }
  const judged = sides.map((side) => judgeSide(side, named.get(side.frame) ?? [], question))
  const explanation: Explanation = { sides: judged.filter(worthTelling).map(({ side }) => side), ...known }
  const asks = judged.flatMap((each) => each.asks)
  const [first] = judged.filter(({ refusal }) => refusal !== undefined)
  if (first?.refusal === undefined) return { explanation, asks, reached: 9 }
  return { refusal: first.refusal, explanation, asks: [], reached: first.side.principal === 'agent' ? 3 : 4 }
}

/** Of another tenant only that it forbade. */
function worthTelling({ side }: Judged): boolean {
  return side.principal !== 'home' || side.outcome === 'forbidden' || side.outcome === 'error'
}

function namedIn(
  frame: Frame,
  sides: readonly FrameSide[],
  conditions: AskedConditions,
): readonly NamedResult[] {
  const names = new Set<string>()
  for (const side of sides) {
    if (side.frame !== frame) continue
    for (const policy of side.candidates) for (const name of policy.conditions.names) names.add(name)
  }
  return [...names].sort().map((name) => conditions(frame.tenant, name))
}

type Judged = { readonly side: Side; readonly refusal?: Refusal; readonly asks: readonly string[] }

function judgeSide(side: FrameSide, conditions: readonly NamedResult[], question: Whole): Judged {
  const holding = new Set(conditions.filter(({ state }) => state === 'holds').map(({ name }) => name))
  const found = evaluateSide(side, holding)
  const told = side.principal === 'home' ? { ...found.side, policies: [], erring: [] } : found.side
  const refusal = sideRefusal(side, told, conditions, question)
  const asks = found.side.outcome === 'permitted' ? found.asks : []
  return refusal ? { side: told, refusal, asks } : { side: told, asks }
}

/**
 * Default deny, forbid trumps permit, and any error denies. What depends on an input that isn't known yet is not certainly
 * refused; once the input is known nothing is left to depend on.
 */
function evaluateSide(
  side: FrameSide,
  holding: ReadonlySet<string>,
): { readonly side: Side; readonly asks: readonly string[] } {
  const request = cedarRequest(side.frame, side.uid, holding)
  const found = { permits: [] as CedarPolicy[], open: [] as CedarPolicy[], forbids: [] as CedarPolicy[] }
  const erring: string[] = []
  for (const policy of side.candidates) {
    const outcome = evaluatePolicy(policy, request, side.frame.entities)
    if (typeof outcome === 'object') erring.push(policy.id)
    else if (outcome === 'satisfied') found[policy.effect === 'permit' ? 'permits' : 'forbids'].push(policy)
    else if (outcome === 'unknown' && policy.effect === 'permit') found.open.push(policy)
  }
  const tell = (outcome: Side['outcome'], policies: readonly CedarPolicy[]) => ({
    side: { principal: side.principal, outcome, policies: policies.map(({ id }) => id), erring },
    asks: policies.filter(({ annotations }) => annotations.has('ask')).map(({ id }) => id),
  })
  if (found.forbids.length > 0) return tell('forbidden', found.forbids)
  if (erring.length > 0) return tell('error', [])
  if (found.permits.length > 0 || side.principal === 'home') return tell('permitted', found.permits)
  return found.open.length > 0 ? tell('depends', found.open) : tell('no_permit', [])
}
