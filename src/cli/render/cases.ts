import type { CaseResult } from '../../core/policy/policy-case.ts'
import { renderExplanation } from '../../core/policy/render-explanation.ts'
import type { Paint } from '../io.ts'
import { many, renderTable } from './table.ts'

/** A line a case; under one that is not as expected in which way, and the explanation. Then how many were. */
export function renderCases(results: readonly CaseResult[], paint: Paint): readonly string[] {
  const rows = renderTable(
    results.map(({ misses, path, line, case: name, explained }) => [
      misses.length === 0 ? 'ok' : 'FAIL',
      `${path}:${line}`,
      name,
      explained.outcome === 'allow' ? 'allow' : `${explained.outcome} ${explained.reason}`,
    ]),
  )
  return [...results.flatMap((result, at) => lineOf(result, rows[at] ?? '', paint)), summary(results, paint)]
}

function lineOf({ misses, explained }: CaseResult, row: string, paint: Paint): readonly string[] {
  if (misses.length === 0) return [row.replace(/^ok/, (word) => paint.green(word))]
  return [
    row.replace(/^FAIL/, (word) => paint.red(word)),
    ...misses.map((miss) => `      ${miss}`),
    ...renderExplanation(explained).map((line) => paint.dim(`      ${line}`)),
  ]
}

function summary(results: readonly CaseResult[], paint: Paint): string {
  const failed = results.filter(({ misses }) => misses.length > 0).length
  if (failed === 0) return paint.green(`${many(results.length, 'case')}, all as expected`)
  return paint.red(`${many(results.length, 'case')}, ${failed} not as expected`)
}
