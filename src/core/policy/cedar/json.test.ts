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

test('a key named __proto__ is an ordinary key', () => {
  const json = parseExactJson('{"__proto__":{"admin":true},"big":9007199254740993}')
  expect(isJsonObject(json) && Object.keys(json)).toEqual(['__proto__', 'big'])
  expect(isJsonObject(json) && member(json, 'toString')).toBeUndefined()
})
