import type { Snapshot } from '../snapshot.ts'
import type { EpochMillis } from '../time.ts'
import { callText, mayConcern, type Opinion } from './both-engines.ts'
import { type CedarPolicy, type CedarRequest, evaluatePolicy } from './cedar/cedar.ts'
import type { Decision, Side } from './decision.ts'
import { askCondition, cedarRequest, type FrameSide, sidesOf } from './frame.ts'
import { projectInput } from './project-input.ts'
import { isWhole, lookUp, type Whole } from './question.ts'

/**
 * One side of a call that was decided, put to the second engine from the start: every policy of the tenant that may concern it, not only
 * those that the first engine's index came up with. `call` as in `EngineQuestion`.
 */
export type SideAgain = {
  readonly tenant: string
  readonly told: Side
  readonly policies: readonly CedarPolicy[]
  readonly call: string
  /** Policies that name a condition without a fresh fact: had they been candidates, it would have been a no. */
  readonly overlooked: readonly string[]
}

/** More policies than this for one side are not asked about: it would take the second engine longer than the answer is worth. */
export const MOST_POLICIES = 2000

/**
 * What there is to ask about a decision, made after it was given. Nothing where Cedar was not asked: what isn't a call, what was refused
 * before. Nothing either where a policy in quarantine was asked about, since the second engine has spoken there.
 */
export function askAgain(decision: Decision, snapshot: Snapshot, now: EpochMillis): readonly SideAgain[] {
  const { request, explanation } = decision
  const question = lookUp(request, snapshot, now)
  const { act } = request
  if (act.kind !== 'call' || explanation.sides.length === 0 || !isWhole(question)) return []
  const tool = question.known.tools.get(act.tool)
  const input = tool && projectInput(tool.input, act.input)
  if (!tool || !input?.ok) return []
  const sides = sidesOf(question, tool, input.value, true)
  if (sides.some(({ frame }) => frame.tenant.quarantine.size > 0)) return []
  const asked = sides.map((side) => again(side, question, decision))
  return asked.some(({ policies }) => policies.length > MOST_POLICIES) ? [] : asked
}

function again(side: FrameSide, question: Whole, decision: Decision): SideAgain {
  const { frame, principal, uid } = side
  const claimed = principal === 'agent' && question.chain.proof === 'claimed'
  const policies = [...frame.tenant.policies.byName.values()].filter(
    (policy) => counted(policy, principal, claimed) && mayConcern(policy, side),
  )
  const request = cedarRequest(frame, uid, new Set())
  const named = policies.filter((policy) => policy.inScope(request, frame.entities))
  const conditions = new Set(named.flatMap((policy) => [...policy.conditions.names]))
  const results = Array.from(conditions, (name) => askCondition(frame.tenant, name, question))
  const holding = results.filter(({ state }) => state === 'holds').map(({ name }) => name)
  const lacking = results.filter(({ state }) => state === 'missing' || state === 'stale')
  const asked = cedarRequest(frame, uid, new Set(holding))
  const told = decision.explanation.sides.find((each) => each.principal === principal)
  return {
    tenant: frame.tenant.tenant.tenant,
    told: principal !== 'home' && told ? told : toldOfHome(told, policies, asked, side),
    policies,
    call: callText(asked, frame.entities, policies),
    overlooked: named
      .filter((policy) => lacking.some(({ name }) => policy.conditions.names.has(name)))
      .map(({ id }) => id),
  }
}

/** Of an agent's home an explanation says something only where it refuses, and then not by which policies. */
function toldOfHome(
  told: Side | undefined,
  policies: readonly CedarPolicy[],
  request: CedarRequest,
  { principal, frame }: FrameSide,
): Side {
  if (told === undefined) return { principal, outcome: 'permitted', policies: [], erring: [] }
  const outcomes = policies.map((policy) => ({
    id: policy.id,
    outcome: evaluatePolicy(policy, request, frame.entities),
  }))
  const those = (found: typeof outcomes) => found.map(({ id }) => id)
  return {
    ...told,
    policies: those(outcomes.filter(({ outcome }) => outcome === 'satisfied')),
    erring: those(outcomes.filter(({ outcome }) => typeof outcome === 'object')),
  }
}

function counted(policy: CedarPolicy, principal: Side['principal'], claimed: boolean): boolean {
  if (policy.effect === 'forbid') return true
  return principal !== 'home' && (!claimed || policy.annotations.get('claimed') === 'yes')
}

/** Where two engines differ, and by which policies. `says` holds no fact about anybody. */
export type EnginesDiffer = {
  readonly tenant: string
  readonly principal: Side['principal']
  readonly policies: readonly string[]
  readonly says: string
}

/** Holds one side against what the second engine said of each of its policies. Nothing when both say the same. */
export function differsFrom(side: SideAgain, said: ReadonlyMap<string, Opinion>): EnginesDiffer | undefined {
  const { tenant, told, overlooked } = side
  const { principal } = told
  if (overlooked.length > 0)
    return { tenant, principal, policies: overlooked, says: 'a condition of theirs was not asked about' }
  const wanted = sideBy(side, said)
  const policies = [...apart(told.policies, wanted.policies), ...apart(told.erring, wanted.erring)]
  if (told.outcome === wanted.outcome && policies.length === 0) return undefined
  const involved = policies.length > 0 ? policies : [...wanted.policies, ...wanted.erring, ...told.policies]
  return {
    tenant,
    principal,
    policies: [...new Set(involved)].sort(),
    says: `ours: ${told.outcome}, Cedar's: ${wanted.outcome}`,
  }
}

/** What a side must come to, by the second engine's word alone: default deny, forbid trumps permit, and any error denies. */
function sideBy({ told, policies }: SideAgain, said: ReadonlyMap<string, Opinion>): Side {
  const { principal } = told
  const those = (opinion: Opinion, effect?: CedarPolicy['effect']) =>
    policies.filter((each) => said.get(each.id) === opinion && (effect ?? each.effect) === each.effect)
  const ids = (found: readonly CedarPolicy[]) => found.map(({ id }) => id)
  const [forbids, permits] = [those('satisfied', 'forbid'), those('satisfied', 'permit')]
  const failed = those('error')
  const erring = ids(failed)
  if (forbids.length > 0) return { principal, outcome: 'forbidden', policies: ids(forbids), erring }
  if (failed.length > 0) return { principal, outcome: 'error', policies: [], erring }
  if (permits.length > 0 || principal === 'home')
    return { principal, outcome: 'permitted', policies: ids(permits), erring }
  return { principal, outcome: 'no_permit', policies: [], erring }
}

function apart(one: readonly string[], other: readonly string[]): readonly string[] {
  return [...one.filter((each) => !other.includes(each)), ...other.filter((each) => !one.includes(each))]
}
