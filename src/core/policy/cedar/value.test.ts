import { expect, test } from 'vitest'
import { entityUid, equal, keyOf, long, record, setOf, text, UNKNOWN, type Value } from './value.ts'

const one: Value = { kind: 'long', value: 1n }

test('different values never share a key', () => {
  const values: Value[] = [
    ...[text('1'), text(''), text('T'), one, entityUid('A', 'b'), entityUid('A::B', ''), text('A::"b"')],
    ...[
      setOf([]),
      setOf([text('')]),
      setOf([text('a'), text('b')]),
      setOf([text('a1:b')]),
      setOf([setOf([])]),
    ],
    record(new Map()),
    record(new Map([['a', one]])),
    record(new Map([['a', text('1')]])),
    { kind: 'decimal', value: 1n },
    { kind: 'duration', value: 1n },
    { kind: 'datetime', value: 1n },
    { kind: 'ipaddr', version: 4, address: 1n, prefix: 32 },
    { kind: 'ipaddr', version: 6, address: 1n, prefix: 32 },
  ]
  expect(new Set(values.map(keyOf)).size).toBe(values.length)
  for (const left of values) for (const right of values) expect(equal(left, right)).toBe(left === right)
})

test('sets and records are equal by content, in any order', () => {
  expect(equal(setOf([one, text('a'), one]), setOf([text('a'), one]))).toBe(true)
  const left = record(
    new Map<string, Value>([
      ['a', one],
      ['__proto__', text('x')],
    ]),
  )
  const right = record(
    new Map<string, Value>([
      ['__proto__', text('x')],
      ['a', one],
    ]),
  )
  expect(equal(left, right)).toBe(true)
  expect(keyOf(left)).toBe(keyOf(right))
})

test('an unknown inside makes a set unknown and a record open', () => {
  expect(setOf([record(new Map([['a', UNKNOWN]]))])).toBe(UNKNOWN)
  expect(record(new Map([['a', record(new Map([['b', UNKNOWN]]))]])).open).toBe(true)
})

test('whole numbers end at 64 bits', () => {
  expect(long(2n ** 63n - 1n)).toMatchObject({ kind: 'long' })
  expect(long(2n ** 63n)).toMatchObject({ kind: 'failure', reason: 'overflow' })
  expect(long(-(2n ** 63n) - 1n)).toMatchObject({ kind: 'failure', reason: 'overflow' })
})
