import { endedBy, link } from '../lifecycle/revocation.ts'
import { type Refusal, refuse } from '../refusal.ts'
import type { TenantSnapshot } from '../snapshot.ts'
import { type CedarPolicy, evaluateClauses, type RecordValue, UNKNOWN, type Value } from './cedar/cedar.ts'
import type { Explanation, Side } from './decision.ts'
import { covers, type Delegation } from './delegation.ts'
import { delegationsFor } from './delegations-for.ts'
import { askCondition, contextWith, type Frame, type FrameSide, type NamedResult, sidesOf } from './frame.ts'
import { projectInput } from './project-input.ts'
import { nameOf, type Whole } from './question.ts'
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
  for (const delegation of delegationsFor(tenant.delegationsFor, chain.agent, user.user)) {
    if (!covers(delegation, tool.action)) continue
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

function judgePolicies(
  question: Whole,
  tool: Tool,
  input: Value,
  conditions: AskedConditions,
  delegation: string | undefined,
): Judgement {
  const sides = sidesOf(question, tool, input)
  const views = viewsOf(sides, conditions)
  const own = views.find(({ frame }) => frame.tenant === question.tenant)?.results ?? []
  const known = { conditions: own, ...(delegation === undefined ? {} : { delegation }) }
  for (const { frame, results } of views) {
    const refusal = conditionRefusal(results, frame.tenant !== question.tenant)
    if (refusal) return { refusal, reached: 5, asks: [], explanation: { sides: [], ...known } }
  }
  const judged = views.flatMap((view) => judgeView(view, question))
  const explanation: Explanation = { sides: judged.filter(worthTelling).map(({ side }) => side), ...known }
  const first = judged.find(({ refusal }) => refusal !== undefined)
  if (first?.refusal === undefined)
    return { explanation, asks: judged.flatMap((each) => each.asks), reached: 9 }
  return { refusal: first.refusal, explanation, asks: [], reached: first.side.principal === 'agent' ? 3 : 4 }
}

/** Of another tenant only that it forbade. */
function worthTelling({ side }: Judged): boolean {
  return side.principal !== 'home' || side.outcome === 'forbidden' || side.outcome === 'error'
}

/** The sides that see the question by one frame, and what the conditions that any of them names come to there. */
type View = {
  readonly frame: Frame
  readonly sides: readonly FrameSide[]
  readonly results: readonly NamedResult[]
}

/** Sides of one frame are neighbours: the agent's and the user's, then the home's. */
function viewsOf(sides: readonly FrameSide[], conditions: AskedConditions): readonly View[] {
  const views: View[] = []
  for (const frame of new Set(sides.map((side) => side.frame))) {
    const ofFrame = sides.filter((side) => side.frame === frame)
    const results = namesIn(ofFrame).map((name) => conditions(frame.tenant, name))
    views.push({ frame, sides: ofFrame, results })
  }
  return views
}

function namesIn(sides: readonly FrameSide[]): readonly string[] {
  const naming = sides.filter(({ names }) => names.length > 0)
  const [only] = naming
  return naming.length === 1 && only ? only.names : [...new Set(naming.flatMap(({ names }) => names))].sort()
}

type Judged = { readonly side: Side; readonly refusal?: Refusal; readonly asks: readonly string[] }

function judgeView({ frame, sides, results }: View, question: Whole): readonly Judged[] {
  const holding = results.filter(({ state }) => state === 'holds').map(({ name }) => name)
  const context = contextWith(frame, holding)
  return sides.map((side) => judgeSide(side, context, results, question))
}

function judgeSide(
  side: FrameSide,
  context: RecordValue,
  conditions: readonly NamedResult[],
  question: Whole,
): Judged {
  const found = evaluateSide(side, context)
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
  context: RecordValue,
): { readonly side: Side; readonly asks: readonly string[] } {
  const { action, resource, entities } = side.frame
  const request = { principal: side.uid, action, resource, context }
  const found = { permits: [] as CedarPolicy[], open: [] as CedarPolicy[], forbids: [] as CedarPolicy[] }
  const erring: string[] = []
  // The scopes of candidates were looked at before.
  for (const policy of side.candidates) {
    const outcome = evaluateClauses(policy, request, entities)
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
