import type { ApplyPorts } from '../core/apply-changes.ts'
import type { LongExplanation } from '../core/policy/explain.ts'
import type { CaseResult, PlacedCase, PolicyCase } from '../core/policy/policy-case.ts'
import { Bug } from '../core/refusal.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { askCase } from './ask-case.ts'

/** Asks each case what it comes to, by the same `decide` as the data path, and holds that against what it expects. */
export function testPolicies(
  cases: readonly PlacedCase[],
  snapshot: Snapshot,
  ports: ApplyPorts,
): readonly CaseResult[] {
  return cases.map((each) => {
    const asked = askCase(each, snapshot, ports)
    // What a case names was checked when it was read.
    if (!asked.ok) throw new Bug(`a case that was read can't be asked: ${asked.error.says}`)
    const { what, ...place } = each
    const { expect, reason, by } = what
    const expected = {
      expect,
      ...(reason === undefined ? {} : { reason }),
      ...(by === undefined ? {} : { by }),
    }
    return {
      ...place,
      case: what.case,
      expected,
      misses: missesOf(what, asked.value),
      explained: asked.value,
    }
  })
}

function missesOf(what: PolicyCase, explained: LongExplanation): readonly string[] {
  const { outcome, reason } = explained
  if (outcome !== what.expect) return [`expected ${what.expect}, but it is ${outcome} (${reason})`]
  const misses: string[] = []
  if (what.reason !== undefined && what.reason !== reason)
    misses.push(`expected it for \`${what.reason}\`, but it is for \`${reason}\``)
  const decided = explained.sides.flatMap(({ policies }) => policies)
  const absent = [what.by ?? []].flat().filter((name) => !decided.includes(name))
  if (absent.length > 0)
    misses.push(`expected by ${absent.join(', ')}, but it is by ${decided.join(', ') || 'no policy'}`)
  return misses
}
