import { expect, test } from 'vitest'
import { splitPolicies } from './split-policies.ts'

const HEAD = 'permit(principal, action, resource)'
const when = (body: string): string => `${HEAD} when { ${body} };`

function reason(source: string): string {
  const split = splitPolicies(source)
  return split.ok ? `${split.value.length}` : split.error.reason
}

test('a policy ends at a semicolon outside of strings and comments', () => {
  const source = `// one; "two\n@id(";//")\n${HEAD}; // rest\r${when('"a\\";" == ";"')}\n`
  const split = splitPolicies(source)
  expect(split.ok && split.value.map((part) => part.text)).toEqual([
    `@id(";//")\n${HEAD};`,
    when('"a\\";" == ";"'),
  ])
  expect(split.ok && split.value.map((part) => source.indexOf(part.text) === part.start)).toEqual([
    true,
    true,
  ])
})

test.each([
  ['what has no semicolon', HEAD, '1'],
  ['a stray sign before a policy', `# ${HEAD};`, '1'],
  ['a stray sign after the last', `${HEAD}; é`, '2'],
  ['comments alone', '// nothing; here', '0'],
])('%s still reaches the parser', (_name, source, expected) => {
  expect(reason(source)).toBe(expected)
})

test.each([
  ['60 brackets', when(`${'('.repeat(60)}true${')'.repeat(60)}`), '1'],
  ['64 brackets inside the clause', when(`${'('.repeat(64)}true${')'.repeat(64)}`), 'policy.too_deep'],
  [
    'the 646 bytes that break the parser',
    when(`${'!('.repeat(200)}true${')'.repeat(200)}`),
    'policy.too_deep',
  ],
  ['40 negated brackets', when(`${'!('.repeat(40)}true${')'.repeat(40)}`), 'policy.too_deep'],
  ['sets in sets', when(`${'['.repeat(70)}1${']'.repeat(70)} == 1`), 'policy.too_deep'],
  ['else if, 70 times', when(`${'if true then true else '.repeat(70)}true`), 'policy.too_deep'],
  ['70 ifs side by side', when(`[${'if true then 1 else 2, '.repeat(70)}1] == []`), '1'],
  ['a thousand alternatives', when(`true${' || true'.repeat(900)}`), '1'],
  ['far more alternatives', when(`true${' || true'.repeat(1100)}`), 'policy.too_long'],
  ['a long chain of attributes', when(`context${'.a'.repeat(1100)} == 1`), 'policy.too_long'],
  ['a text of 100,001 characters', `${HEAD} when { "${'x'.repeat(100_000)}" == "" };`, 'policy.too_long'],
  ['brackets in a string', when(`"${'('.repeat(200)}" == ""`), '1'],
  ['brackets in a comment', `// ${'('.repeat(200)}\n${HEAD};`, '1'],
  ['a string without an end', when('"abc'), 'policy.syntax'],
])('%s: %#', (_name, source, expected) => {
  expect(reason(source)).toBe(expected)
})
