import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AuditEvent } from './audit-event.ts'
import { CLASSIFICATION } from './classification.ts'
import { halvesOf, LEAF_BYTES, leafFrom, leafOf } from './leaf.ts'

type Unnumbered = Omit<AuditEvent, 'n'>

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('"', '\\', '\u2028', 'é', '💶'),
)
const value = fc.oneof(
  text,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.array(text, { maxLength: 3 }),
  fc.dictionary(text, text, { maxKeys: 3 }),
)
/** Whatever stands in the fields: every subset of them, with every kind of value. */
const event = fc
  .record(
    Object.fromEntries(
      Object.keys(CLASSIFICATION)
        .filter((field) => field !== 'n')
        .map((field) => [field, value]),
    ),
    { requiredKeys: ['at', 'outcome'] },
  )
  .map((fields) => fields as unknown as Unnumbered)

test('a leaf made of halves is the canonical JSON of the event under its number', () => {
  fc.assert(
    fc.property(event, fc.nat(), (fields, n) => {
      expect(leafFrom(halvesOf(fields), n)).toBe(canonicalize({ ...fields, n }))
    }),
  )
})

const small = { at: 1, outcome: 'allow' } as unknown as Unnumbered

test('text that is not well-formed Unicode has no canonical form, in whichever half', () => {
  for (const wrong of [{ agent: '\ud800' }, { reason: 'x\udc00' }, { policies: ['\ud800'] }]) {
    expect(() => halvesOf({ ...small, ...wrong } as Unnumbered)).toThrow()
  }
})

test('an event is as large as it may be with the longest number, in bytes', () => {
  const room = LEAF_BYTES - leafOf({ ...small, reason: '' } as Unnumbered, Number.MAX_SAFE_INTEGER).length
  const sized = (reason: string) => ({ ...small, reason }) as Unnumbered
  expect(leafOf(sized('r'.repeat(room)), Number.MAX_SAFE_INTEGER)).toHaveLength(LEAF_BYTES)
  expect(() => halvesOf(sized('r'.repeat(room + 1)))).toThrow(`${LEAF_BYTES} bytes`)
  expect(() => halvesOf(sized(`${'r'.repeat(room - 1)}é`))).toThrow(`${LEAF_BYTES} bytes`)
})
