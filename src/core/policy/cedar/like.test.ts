import fc from 'fast-check'
import { expect, test } from 'vitest'
import { matches, type PatternPart, pattern } from './like.ts'

/** `*` in these is the wildcard. */
function like(source: string, wanted: string): boolean {
  return matches(
    pattern(wanted.split(/(\*)/).map((part): PatternPart => (part === '*' ? null : part))),
    source,
  )
}

test.each([
  ['', '', true],
  ['', '*', true],
  ['a', '', false],
  ['abc', 'a*c', true],
  ['ac', 'a*c', true],
  ['aca', 'a*c', false],
  ['aba', 'ab*ba', false],
  ['ababab', 'a*b*b', true],
  ['a\nb', 'a*b', true],
  ['.', 'a', false],
  ['x😀y', 'x*y', true],
])('%j like %j is %j', (source, wanted, expected) => {
  expect(like(source, wanted)).toBe(expected)
})

test('it agrees with a regular expression', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 })
  fc.assert(
    fc.property(word, word, (source, wanted) => {
      const regex = new RegExp(`^${wanted.replaceAll('*', '.*')}$`, 's')
      expect(like(source, wanted)).toBe(regex.test(source))
    }),
  )
})

test('a pattern made to backtrack takes no time', () => {
  expect(like('a'.repeat(100_000), `${'a*'.repeat(500)}b`)).toBe(false)
})
