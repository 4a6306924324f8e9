import fc from 'fast-check'
import { expect, test } from 'vitest'
import { entitiesFromJson, fromCedarJson, fromPlainJson } from './from-json.ts'
import { parseExactJson } from './json.ts'
import { literal } from './render.ts'

function plain(source: string): string {
  const read = fromPlainJson(parseExactJson(source))
  return read.ok ? literal(read.value) : read.error.reason
}

test.each([
  ['1', '1'],
  ['-0', '0'],
  ['1.0', '1'],
  ['1e2', '100'],
  ['9223372036854775807', '9223372036854775807'],
  ['1.5', 'decimal("1.5000")'],
  ['-0.0001', 'decimal("-0.0001")'],
  ['922337203685477.5807', 'decimal("922337203685477.5807")'],
  ['12345678901234.50000000', 'decimal("12345678901234.5000")'],
  ['"é"', '"é"'],
  ['[1,1,2]', '[1, 2]'],
  ['{"__proto__":1,"constructor":2}', '{"__proto__": 1, "constructor": 2}'],
])('the argument %s becomes %s', (source, value) => {
  expect(plain(source)).toBe(value)
})

test.each([
  ['null', 'input.null'],
  ['{"a":[null]}', 'input.null'],
  ['{"a":{"__entity":{"type":"User","id":"ana"}}}', 'input.reserved_key'],
  ['[{"__extn":{"fn":"ip","arg":"::1"}}]', 'input.reserved_key'],
  ['{"__expr":"1"}', 'input.reserved_key'],
  ['{"__entity":1,"b":2}', 'input.reserved_key'],
  ['1.00001', 'input.number'],
  ['0.30000000000000000001', 'input.number'],
  ['9223372036854775808', 'input.number'],
  ['1e30', 'input.number'],
  ['1e400', 'input.number'],
  ['922337203685477.5808', 'input.number'],
  ['"\\ud800"', 'input.text'],
  ['{"\\udc00":1}', 'input.text'],
])('the argument %s is refused with %s', (source, reason) => {
  expect(plain(source)).toBe(reason)
})

test('arguments nested deeper than 64 are refused', () => {
  expect(plain(`${'['.repeat(64)}${']'.repeat(64)}`)).not.toBe('input.too_deep')
  expect(plain(`${'['.repeat(66)}${']'.repeat(66)}`)).toBe('input.too_deep')
})

test('any JSON either becomes a value or is refused, and never throws', () => {
  fc.assert(
    fc.property(fc.json(), (source) => {
      const read = fromPlainJson(parseExactJson(source))
      expect(read.ok || read.error.reason.startsWith('input.')).toBe(true)
    }),
  )
})

test('the refusal says where', () => {
  const read = fromPlainJson({ filter: { ids: [1, null] } })
  expect(read).toMatchObject({
    ok: false,
    error: { says: 'input.filter.ids[1] is null; leave it out instead' },
  })
})

test("Cedar's own form reads references and extension values", () => {
  const json = { u: { __entity: { type: 'User', id: 'a"b' } }, d: { __extn: { fn: 'decimal', arg: '1.5' } } }
  const read = fromCedarJson(json)
  expect(read.ok && literal(read.value)).toBe('{"u": User::"a\\"b", "d": decimal("1.5000")}')
})

test.each([
  [{ __extn: { fn: 'nope', arg: '1' } }],
  [{ __extn: { fn: 'ip', arg: 'x' } }],
  [{ __entity: { type: 'User' } }],
  [1.5],
  [null],
])("Cedar's own form refuses %j", (json) => {
  expect(fromCedarJson(json).ok).toBe(false)
})

test('entities need a uid', () => {
  expect(entitiesFromJson([{ attrs: {}, parents: [] }]).ok).toBe(false)
  expect(entitiesFromJson([{ uid: { type: 'User', id: 'a' }, parents: [{ type: 'G', id: 'g' }] }]).ok).toBe(
    true,
  )
})
