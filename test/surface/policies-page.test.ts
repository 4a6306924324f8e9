import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FINDINGS } from '../../src/core/policy/lint/finding.ts'
import { policyCaseSchema } from '../../src/core/policy/policy-case.ts'
import { ROOT } from '../source-files.ts'

const page = readFileSync(`${ROOT}/docs/policies.md`, 'utf8')

/** First cells of the tables under a heading, without their backticks. */
function rowsOf(heading: string): readonly string[] {
  const start = page.indexOf(`\n## ${heading}`)
  const end = page.indexOf('\n## ', start + 1)
  const text = page.slice(start, end < 0 ? undefined : end)
  return [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell = '']) => cell)
}

test('docs/policies.md has every key of a case, and no other', () => {
  expect([...rowsOf('`countersign policy test`')].sort()).toEqual(Object.keys(policyCaseSchema.shape).sort())
})

test('docs/policies.md has every finding of lint, and no other', () => {
  expect(rowsOf('`countersign policy lint`')).toEqual([...FINDINGS])
})
