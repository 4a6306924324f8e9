import { expect, test } from 'vitest'
import { isJsonObject, member, parseExactJson, printExactJson } from './json.ts'

test('integers beyond 2^53 keep every digit, there and back', () => {
  const source = '{"a":9007199254740993,"b":-9223372036854775808,"c":[1,2.5,"x"],"d":99999999999999999999}'
  expect(parseExactJson('9007199254740993')).toBe(9_007_199_254_740_993n)
  expect(printExactJson(parseExactJson(source))).toBe(source)
})

test.each(['922337203685477.5807', '0.30000000000000000001', '1e400', '123456789.123456789'])(
  '%s keeps its text where a double would not',
  (source) => {
    expect(printExactJson(parseExactJson(source))).toBe(source)
  },
)

test.each<[string, unknown]>([
  ['123456789012345', 123_456_789_012_345],
  ['0.123456789012345', 0.123_456_789_012_345],
  ['1.5e3', 1500],
  ['15e-1', 1.5],
  ['1e2', 100],
  ['1E2', 100],
  ['-0.5', -0.5],
  ['0.000000000000000000001', 1e-21],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ['[1.5e300]', [1.5e300]],
])('%s is a plain number, since a double holds it as it was written', (source, expected) => {
  expect(parseExactJson(source)).toEqual(expected)
})

test.each(['1.5e999', '[2,1e400]', '1234567890123456e1', '-1.234567890123456', '1.0000000000000001e5'])(
  '%s is none, and keeps its text among whatever stands beside it',
  (source) => {
    expect(printExactJson(parseExactJson(source))).toBe(source)
    const beside = `{"a":${source},"b":"1e2","c":null,"d":[true]}`
    expect(printExactJson(parseExactJson(beside))).toBe(beside)
  },
)

test('a key named __proto__ is an ordinary key', () => {
  const json = parseExactJson('{"__proto__":{"admin":true},"big":9007199254740993}')
  expect(isJsonObject(json) && Object.keys(json)).toEqual(['__proto__', 'big'])
  expect(isJsonObject(json) && member(json, 'toString')).toBeUndefined()
})
