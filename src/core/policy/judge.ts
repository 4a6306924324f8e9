import { endedBy, link } from '../lifecycle/revocation.ts'
import { type Refusal, refuse } from '../refusal.ts'
import type { TenantSnapshot } from '../snapshot.ts'
import { byBoth, doubted, type EngineQuestion, NO_DOUBTS, type Opinions } from './both-engines.ts'
import {
  type CedarPolicy,
  evaluateClauses,
  type PolicyOutcome,
  type RecordValue,
  UNKNOWN,
  type Value,
} from './cedar/cedar.ts'
import type { Explanation, Side } from './decision.ts'
import { covers, type Delegation } from './delegation.ts'
import { delegationsFor } from './delegations-for.ts'
import { askCondition, contextWith, type Frame, type FrameSide, type NamedResult, sidesOf } from './frame.ts'
import { projectInput, projectKnown } from './project-input.ts'
import { nameOf, type Whole } from './question.ts'
import { conditionRefusal, sideRefusal } from './refusals.ts'
import { keepJudgement, keepSides, nameOfQuestion, sameJudgement, sameSides } from './same-judgement.ts'
import type { Tool } from './tool.ts'

/** What the question comes to for one tool. `asks` are the determining permits that want a person's answer. */
export type Judgement = {
  readonly refusal?: Refusal
  readonly explanation: Explanation
  readonly asks: readonly string[]
  /** How far it came before it was refused: of several tools, the reason of the one that came furthest is the one to act on. */
  readonly reached: number
  /** What the second engine must be asked first, where nothing else refuses. */
  readonly unasked?: readonly EngineQuestion[]
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
  const name = nameOfQuestion(question, tool)
  const same = name === undefined ? undefined : sameJudgement(name, question, delegation, conditions)
  if (same) return same
  const views = viewsOf(sidesFor(name, question, tool, input), conditions)
  const judgement = judgePolicies(question, views, delegation)
  if (name !== undefined) keepJudgement(name, question, delegation, judgement, views)
  return judgement
}

function refused(reached: number, refusal: Refusal): Judgement {
  return { refusal, reached, asks: [], explanation: { sides: [], conditions: [] } }
}

function inputOf({ request }: Whole, tool: Tool): Value | Refusal {
  if (request.act.kind === 'enter') return UNKNOWN
  if (request.act.kind === 'list') return projectKnown(tool.input, request.act.known)
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

/** Whose policies are candidates does not depend on the input, and is kept; what is in quarantine is looked for each time. */
function sidesFor(
  name: string | undefined,
  question: Whole,
  tool: Tool,
  input: Value,
): readonly JudgedSide[] {
  if (name === undefined) {
    const claimed = question.chain.proof === 'claimed'
    return sidesOf(question, tool, input).map((side) => withDoubts(side, claimed))
  }
  const same = sameSides(name, question, input)
  if (same) return same
  const sides = sidesOf(question, tool, input)
  keepSides(name, question, sides)
  return sides
}

function judgePolicies(question: Whole, views: readonly View[], delegation: string | undefined): Judgement {
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
  const refusal = { refusal: first.refusal, explanation, asks: [] }
  const reached = first.side.principal === 'agent' ? 3 : 4
  // A side that refuses for good makes asking about another one pointless.
  if (judged.some((each) => each.refusal && each.side.outcome !== 'quarantined'))
    return { ...refusal, reached }
  return { ...refusal, reached, unasked: judged.flatMap(({ unasked }) => unasked) }
}

/**
 * A side with the policies in quarantine that may concern it (`doubts`), and its candidates without them (`sure`). Their conditions are
 * asked like all.
 */
type JudgedSide = FrameSide & {
  readonly doubts?: readonly CedarPolicy[]
  readonly sure?: readonly CedarPolicy[]
}

function withDoubts(side: FrameSide, claimed: boolean): JudgedSide {
  const doubts = doubted(side, claimed)
  if (doubts.length === 0) return side
  const sure = side.candidates.filter((policy) => !doubts.includes(policy))
  const request = { principal: side.uid, action: side.frame.action, resource: side.frame.resource }
  const near = doubts.filter((policy) => policy.inScope(request, side.frame.entities))
  const names = new Set([...side.names, ...near.flatMap(({ conditions }) => [...conditions.names])])
  return { ...side, doubts, sure, names: [...names].sort() }
}

/** Of another tenant only that it forbade. */
function worthTelling({ side }: Judged): boolean {
  return side.principal !== 'home' || (side.outcome !== 'permitted' && side.outcome !== 'depends')
}

/** The sides that see the question by one frame, and what the conditions that any of them names come to there. */
type View = {
  readonly frame: Frame
  readonly sides: readonly JudgedSide[]
  readonly results: readonly NamedResult[]
}

/** Sides of one frame are neighbours: the agent's and the user's, then the home's. */
function viewsOf(sides: readonly JudgedSide[], conditions: AskedConditions): readonly View[] {
  const own = sides.filter(({ principal }) => principal !== 'home')
  const home = sides.length === own.length ? [] : sides.slice(own.length)
  return [own, home].flatMap((ofFrame) => {
    const [first] = ofFrame
    if (first === undefined) return []
    const { frame } = first
    const results = namesIn(ofFrame).map((name) => conditions(frame.tenant, name))
    return [{ frame, sides: ofFrame, results }]
  })
}

function namesIn(sides: readonly FrameSide[]): readonly string[] {
  const naming = sides.filter(({ names }) => names.length > 0)
  const [only] = naming
  return naming.length === 1 && only ? only.names : [...new Set(naming.flatMap(({ names }) => names))].sort()
}

type Judged = {
  readonly side: Side
  readonly refusal?: Refusal
  readonly asks: readonly string[]
  readonly unasked: readonly EngineQuestion[]
}

function judgeView({ frame, sides, results }: View, question: Whole): readonly Judged[] {
  const holding = results.filter(({ state }) => state === 'holds').map(({ name }) => name)
  const context = contextWith(frame, holding)
  return sides.map((side) => judgeSide(side, context, results, question))
}

function judgeSide(
  side: JudgedSide,
  context: RecordValue,
  conditions: readonly NamedResult[],
  question: Whole,
): Judged {
  const found = evaluateSide(side, context, question.opinions)
  const told = side.principal === 'home' ? { ...found.side, policies: [], erring: [] } : found.side
  const refusal = sideRefusal(side, told, conditions, question, context)
  const asks = found.side.outcome === 'permitted' ? found.asks : []
  const { unasked } = found
  return refusal ? { side: told, refusal, asks, unasked } : { side: told, asks, unasked }
}

type Evaluated = {
  readonly side: Side
  readonly asks: readonly string[]
  readonly unasked: readonly EngineQuestion[]
}

/**
 * Default deny, forbid trumps permit, and any error denies. What depends on an input that isn't known yet is not certainly
 * refused; once the input is known nothing is left to depend on. A policy in quarantine counts by what both engines make of it.
 */
function evaluateSide(side: JudgedSide, context: RecordValue, opinions: Opinions): Evaluated {
  const { action, resource, entities } = side.frame
  const request = { principal: side.uid, action, resource, context }
  const found = { permits: [] as CedarPolicy[], open: [] as CedarPolicy[], forbids: [] as CedarPolicy[] }
  const erring: string[] = []
  const take = (policy: CedarPolicy, outcome: PolicyOutcome) => {
    if (typeof outcome === 'object') erring.push(policy.id)
    else if (outcome === 'satisfied') found[policy.effect === 'permit' ? 'permits' : 'forbids'].push(policy)
    else if (outcome === 'unknown' && policy.effect === 'permit') found.open.push(policy)
  }
  // The scopes of candidates were looked at before.
  for (const policy of side.sure ?? side.candidates) take(policy, evaluateClauses(policy, request, entities))
  const doubts = side.doubts ? byBoth(side.doubts, request, entities, opinions) : NO_DOUBTS
  for (const [policy, outcome] of doubts.outcomes) take(policy, outcome)
  const { unasked } = doubts
  const tell = (outcome: Side['outcome'], policies: readonly CedarPolicy[]): Evaluated => ({
    side: { principal: side.principal, outcome, policies: idsOf(policies), erring: erring.sort() },
    asks: idsOf(policies.filter(({ annotations }) => annotations.has('ask'))),
    unasked,
  })
  if (found.forbids.length > 0) return tell('forbidden', found.forbids)
  if (erring.length > 0) return tell('error', [])
  if (unasked.length > 0) return tell('quarantined', side.doubts ?? [])
  if (found.permits.length > 0 || side.principal === 'home') return tell('permitted', found.permits)
  return found.open.length > 0 ? tell('depends', found.open) : tell('no_permit', [])
}

/** In the same order each time, whatever order they were found in. */
function idsOf(policies: readonly CedarPolicy[]): readonly string[] {
  return policies.map(({ id }) => id).sort()
}
