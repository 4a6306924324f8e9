import type { ApplyPorts } from '../core/apply-changes.ts'
import type { PlacedCase } from '../core/policy/policy-case.ts'
import {
  type Answer,
  type Compared,
  hasChanged,
  type NotReplayed,
  type Origin,
  type PolicyDiff,
  type RecordedDecision,
  type Subject,
} from '../core/policy/policy-diff.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { askCase } from './ask-case.ts'
import { replayRecorded } from './replay-recorded.ts'

/** One side: what decides there, and the cases that stand beside it. */
export type DiffSide = { readonly snapshot: Snapshot; readonly cases: readonly PlacedCase[] }

/**
 * Which requests are answered otherwise by one side than by the other: those of the cases of both, and those that were recorded. What the
 * cases expect doesn't matter here. Each recorded decision is counted once, however often it was made again or judged by several.
 */
export function diffPolicies(
  before: DiffSide,
  after: DiffSide,
  recorded: readonly RecordedDecision[],
  ports: ApplyPorts,
): PolicyDiff {
  const sides = { before: before.snapshot, after: after.snapshot }
  const cases = requestsOf(before, after).map((each) => comparedCase(each, sides, ports))
  const replayed = onceEach(recorded).map((each) => replayedOne(each, sides))
  return {
    cases,
    recorded: replayed.flatMap((each) => ('before' in each ? [each] : [])),
    notReplayed: replayed.flatMap((each) => ('why' in each ? [each] : [])),
  }
}

/** The cases of the second side, and those of the first that ask for something else. */
function requestsOf(before: DiffSide, after: DiffSide): readonly PlacedCase[] {
  const seen = new Set<string>()
  return [...after.cases, ...before.cases].filter((each) => {
    const { case: _name, expect: _expect, reason: _reason, by: _by, ...asked } = each.what
    const key = JSON.stringify([each.tenant, Object.entries(asked).sort(([a], [b]) => (a < b ? -1 : 1))])
    return !seen.has(key) && seen.add(key)
  })
}

type Sides = { readonly before: Snapshot; readonly after: Snapshot }

function comparedCase(each: PlacedCase, { before, after }: Sides, ports: ApplyPorts): Compared {
  const { tenant, path, line, what } = each
  const { agent, user, tool, enter } = what
  const name = typeof user === 'string' ? user : user?.user
  const subject = {
    tenant,
    agent,
    ...(name === undefined ? {} : { user: name }),
    what: tool ?? enter ?? '',
  }
  const from = { case: what.case, path, line }
  return compared(from, subject, answerTo(each, before, ports), answerTo(each, after, ports))
}

/** An agent or a user that a side doesn't know gets nothing there. */
function answerTo(each: PlacedCase, snapshot: Snapshot, ports: ApplyPorts): Answer {
  const asked = askCase(each, snapshot, ports)
  if (!asked.ok) return { outcome: 'deny', reason: asked.error.reason, policies: [] }
  const { outcome, reason, sides } = asked.value
  return { outcome, reason, policies: sides.flatMap(({ policies }) => policies) }
}

function compared(from: Origin, subject: Subject, before: Answer, after: Answer): Compared {
  return { from, subject, before, after, changes: hasChanged(before, after) }
}

/** A gateway and an authority may both have recorded one decision; that with its arguments is the one to ask. */
function onceEach(recorded: readonly RecordedDecision[]): readonly RecordedDecision[] {
  const seen = new Map<string, RecordedDecision>()
  for (const each of recorded) {
    const { tenant, decision, index, resource, tool, outcome, reason } = each
    const key = JSON.stringify([tenant, decision ?? index, resource, tool, outcome, reason])
    const other = seen.get(key)
    if (other === undefined || (other.input === undefined && each.input !== undefined)) seen.set(key, each)
  }
  return [...seen.values()]
}

function replayedOne(recorded: RecordedDecision, sides: Sides): Compared | NotReplayed {
  const { tenant, index, at, decision, reason, agent, user, resource = '', tool } = recorded
  const from = { index, at, ...(decision === undefined ? {} : { decision }) }
  const found = replayRecorded(recorded, sides)
  if ('why' in found) return { from, tenant, reason, why: found.why }
  const subject = {
    tenant,
    agent: agent?.startsWith(`${tenant}/`) ? agent.slice(tenant.length + 1) : (agent ?? ''),
    ...(user !== undefined && 'shown' in user ? { user: user.shown } : {}),
    what: tool === undefined ? resource : `${resource}/${tool}`,
  }
  return compared(from, subject, found.before, found.after)
}
