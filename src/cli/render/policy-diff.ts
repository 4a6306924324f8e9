import type { Answer, Compared, NotReplayed, PolicyDiff } from '../../core/policy/policy-diff.ts'
import type { Paint } from '../io.ts'
import { count, many, renderTable } from './table.ts'

/** What changes, a line each with the answers of both sides; then how many don't, and what could not be replayed and why. */
export function renderDiff({ cases, recorded, notReplayed }: PolicyDiff, paint: Paint): readonly string[] {
  return [
    ...changedLines([...cases, ...recorded], paint),
    ...(cases.length > 0 ? [summary('case', cases, paint)] : []),
    ...(recorded.length > 0 ? [summary('recorded decision', recorded, paint)] : []),
    ...notReplayedLines(notReplayed, paint),
    ...(recorded.length > 0 ? [paint.dim(ALONE)] : []),
  ]
}

const ALONE =
  'Recorded decisions are replayed at their own time, each agent acting alone: who acted before it is not recorded.'

type Line = { readonly cells: readonly string[]; readonly times: number; readonly after: Answer['outcome'] }

function changedLines(all: readonly Compared[], paint: Paint): readonly string[] {
  const lines = new Map<string, Line>()
  for (const each of all.filter(({ changes }) => changes)) {
    const cells = cellsOf(each)
    const key = JSON.stringify(cells)
    lines.set(key, { cells, times: (lines.get(key)?.times ?? 0) + 1, after: each.after.outcome })
  }
  const rows = [...lines.values()]
  const table = renderTable(rows.map(({ cells, times }) => [...cells, times > 1 ? `×${count(times)}` : '']))
  return table.map((row, at) => paint[rows[at]?.after === 'allow' ? 'yellow' : 'red'](row))
}

function cellsOf({ from, subject, before, after }: Compared): readonly string[] {
  const { tenant, agent, user, what } = subject
  const where = 'case' in from ? `${from.path}:${from.line}  ${from.case}` : 'recorded'
  return [
    tenant,
    `${agent}${user === undefined ? '' : ` for ${user}`}`,
    what,
    answer(before),
    `→ ${answer(after)}`,
    where,
  ]
}

function answer({ outcome, reason, policies }: Answer): string {
  if (outcome === 'allow') return policies.length === 0 ? 'allow' : `allow (${policies.join(', ')})`
  return `${outcome} ${reason}`
}

function summary(one: string, all: readonly Compared[], paint: Paint): string {
  const changed = all.filter(({ changes }) => changes).length
  const text = `${many(all.length, one)}: ${changed === 0 ? 'none is answered otherwise' : `${count(changed)} answered otherwise`}`
  return changed === 0 ? paint.green(text) : paint.red(text)
}

function notReplayedLines(all: readonly NotReplayed[], paint: Paint): readonly string[] {
  if (all.length === 0) return []
  const reasons = new Map<string, number>()
  for (const { why } of all) reasons.set(why, (reasons.get(why) ?? 0) + 1)
  const lines = [...reasons]
    .sort(([, a], [, b]) => b - a)
    .map(([why, times]) => `  ${count(times)} ×  ${why}`)
  const head = `${many(all.length, 'recorded decision')} could not be replayed exactly, and nothing is said of ${all.length === 1 ? 'it' : 'them'}:`
  return [paint.yellow(head), ...lines]
}
