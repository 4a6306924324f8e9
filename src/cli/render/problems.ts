import type { ConfigurationProblem, TargetFinding } from '../../sdk/admin-contract.ts'
import type { Paint } from '../io.ts'

const INDENT = '        '

/** Each problem with its place, its source line, and carets under what is meant. */
export function renderProblems(problems: readonly ConfigurationProblem[], paint: Paint): readonly string[] {
  return problems.flatMap((problem) => {
    const { path, line, column, says } = problem
    return [`${paint.bold(`${path}:${line}:${column}`)}  ${says}`, ...sourceLines(problem, paint)]
  })
}

function sourceLines(problem: ConfigurationProblem, paint: Paint): readonly string[] {
  const { snippet = '', column, hint } = problem
  const source = snippet.trimStart()
  if (source === '') return hint ? [`${INDENT}${hint}`] : []
  // Tabs stay tabs, so that the carets stand under what they mean.
  const before = snippet.slice(snippet.length - source.length, column - 1).replace(/[^\t]/g, ' ')
  const marks = '^'.repeat(lengthOf(problem))
  return [`${INDENT}${source}`, `${INDENT}${before}${paint.red(marks)}${hint ? ` ${hint}` : ''}`]
}

function lengthOf({ snippet = '', column, length }: ConfigurationProblem): number {
  const rest = snippet.slice(column - 1)
  const word = /^[^\s,:;()[\]{}]+/.exec(rest)?.[0].length ?? 1
  return Math.max(1, Math.min(length ?? word, rest.length))
}

/** What a target lets anyone do, and under it the commands that end it, ready to be pasted. */
export function renderFindings(findings: readonly TargetFinding[], paint: Paint): readonly string[] {
  return findings.flatMap(({ tenant, resource, says, remedy }) => [
    `${paint.bold(`${tenant}/${resource}`)}  ${says}`,
    ...remedy.map((command) => `${INDENT}${command}`),
  ])
}
