import type { TenantName } from '../ids.ts'
import { withEntry } from '../persistent-map.ts'
import type { Snapshot, TenantSnapshot } from '../snapshot.ts'
import { type EpochMillis, type EpochSeconds, epochMillis, epochSeconds } from '../time.ts'
import type { AccessRequest } from './access-request.ts'
import type { ConditionTest } from './condition.ts'
import { decide } from './decide.ts'
import type { Explanation } from './decision.ts'
import { delegationsFor } from './delegations-for.ts'
import { factsOf } from './frame.ts'
import { isWhole, lookUp, nameOf, type Question, type Whole } from './question.ts'

/**
 * A moment at which what is allowed now is allowed no more, if nothing changes until then. `reason` is what the decision says then; a
 * `session` is where a new token can be had no more.
 */
export type End = {
  readonly what: 'token' | 'session' | 'admission' | 'delegation' | 'condition'
  /** Which one; a token and a session have no name as yet. */
  readonly name?: string
  readonly at: EpochMillis
  readonly reason: string
}

type Moment = Omit<End, 'reason'>

/**
 * What would end an allowed request, soonest first. Every moment that something states is tried with `decide` itself, with the time moved
 * for that one thing alone, and only what is then refused is told. Of a guest's home nothing is told: its hours are its own.
 */
export function endsOf(
  request: AccessRequest,
  snapshot: Snapshot,
  now: EpochMillis,
  conditions: Explanation['conditions'],
): readonly End[] {
  const question = lookUp(request, snapshot, now)
  if (!isWhole(question)) return []
  const token: End = { what: 'token', at: epochMillis(request.chain.expires * 1000), reason: 'chain.expired' }
  const held = heldAt(snapshot, question)
  const recorded = [...admissionEnds(question), ...delegationEnds(question)]
    .filter(({ at }) => at > now)
    .flatMap((moment) => whenRefused(moment, withoutEnd(request), held, moment.at))
    .filter(({ what, reason }) => reason.startsWith(`${what}.`))
  const changing = conditions.flatMap(({ name }) => conditionEnds(question, snapshot, name))
  return [token, ...recorded, ...changing].sort((a, b) => a.at - b.at)
}

function whenRefused(
  moment: Moment,
  request: AccessRequest,
  snapshot: Snapshot,
  at: EpochMillis,
): readonly End[] {
  const decision = decide(request, snapshot, at)
  return decision.outcome === 'deny' ? [{ ...moment, reason: decision.reason }] : []
}

const NEVER: EpochSeconds = epochSeconds(Number.MAX_SAFE_INTEGER / 1000)

function withoutEnd(request: AccessRequest): AccessRequest {
  return { ...request, chain: { ...request.chain, expires: NEVER } }
}

function admissionEnds({ actors }: Question): readonly Moment[] {
  return actors.flatMap((actor) => {
    const until = actor.admission?.until
    return until === undefined ? [] : [{ what: 'admission', name: nameOf(actor), at: timeOf(until) }]
  })
}

/** Another delegation may go on, or begin to count; `decide` knows. */
function delegationEnds({ tenant, chain, user }: Whole): readonly Moment[] {
  if (user === undefined) return []
  return delegationsFor(tenant.delegationsFor, chain.agent, user.user).flatMap(({ delegation, until }) =>
    until === undefined ? [] : [{ what: 'delegation', name: delegation, at: timeOf(until) }],
  )
}

function conditionEnds(question: Whole, snapshot: Snapshot, name: string): readonly End[] {
  const { tenant, request, now } = question
  const known = tenant.conditions.get(name)
  const at = known?.test.changes?.(factsOf(tenant, question))
  if (known === undefined || at === undefined) return []
  const later = withEntry(tenant.conditions, name, { ...known, test: movedTo(known.test, at) })
  const moved = replaced(snapshot, { ...tenant, conditions: later })
  return whenRefused({ what: 'condition', name, at }, withoutEnd(request), moved, now)
}

/** The conditions that this question may come to, asked as of now whatever the time. */
function heldAt(snapshot: Snapshot, { tenant, caller, now }: Whole): Snapshot {
  return [tenant, caller.home].reduce((held, each) => {
    let { conditions } = each
    for (const [name, known] of each.conditions)
      conditions = withEntry(conditions, name, { ...known, test: movedTo(known.test, now) })
    return replaced(held, { ...each, conditions })
  }, snapshot)
}

function movedTo(test: ConditionTest, now: EpochMillis): ConditionTest {
  return (facts) => test({ ...facts, now })
}

function replaced(snapshot: Snapshot, tenant: TenantSnapshot): Snapshot {
  return { ...snapshot, tenants: withEntry(snapshot.tenants, tenant.tenant.tenant as TenantName, tenant) }
}

function timeOf(until: string): EpochMillis {
  return epochMillis(Date.parse(until))
}
