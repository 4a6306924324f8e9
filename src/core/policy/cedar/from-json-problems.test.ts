import { describe, expect, it, test } from 'vitest'
import { entitiesFromJson, fromCedarJson, fromPlainJson, readUid } from './from-json.ts'
import { type Json, parseExactJson, printExactJson } from './json.ts'
import { matches, type PatternPart, pattern, WILDCARD } from './like.ts'
import { literal } from './render.ts'

function cedar(json: Json): string {
  const read = fromCedarJson(json)
  return read.ok ? literal(read.value) : `${read.error.reason}: ${read.error.says}`
}

function plain(source: string): string {
  const read = fromPlainJson(parseExactJson(source))
  return read.ok ? literal(read.value) : `${read.error.reason}: ${read.error.says}`
}

const nested = (depth: number): Json => {
  let json: Json = 1
  for (let at = 0; at < depth; at += 1) json = at % 2 === 0 ? [json] : { a: json }
  return json
}

describe("a value in Cedar's own form", () => {
  test.each<[Json, string]>([
    [true, 'true'],
    [1, '1'],
    [2n ** 60n, '1152921504606846976'],
    [{ __extn: { fn: 'ip', arg: '::1' } }, 'ip("0:0:0:0:0:0:0:1")'],
    [{ __extn: { fn: 'ip', args: ['::1'] } }, 'ip("0:0:0:0:0:0:0:1")'],
    [
      {
        __extn: {
          fn: 'lessThan',
          args: [{ __extn: { fn: 'decimal', arg: '1.0' } }, { __extn: { fn: 'decimal', arg: '2.0' } }],
        },
      },
      'true',
    ],
    [[{ a: 1 }], '[{"a": 1}]'],
    [1.5, 'input.number: value is not a whole number'],
    [2n ** 63n, 'input.number: value is beyond 64 bits'],
    [null, 'input.null: value is null; leave it out instead'],
    ['\ud800', 'input.text: value holds half a character (a lone surrogate)'],
    [{ a: ['\ud800'] }, 'input.text: value.a[0] holds half a character (a lone surrogate)'],
    [{ '\ud800': 1 }, 'input.text: value has a key with a lone surrogate'],
    [{ __expr: 'x' }, 'input.reserved_key: value uses __expr, which Cedar has given up'],
    [{ __entity: { type: 'A', id: 'b' }, c: 1 }, 'input.reserved_key: value has other keys beside __entity'],
    [{ __entity: { type: 'A' } }, 'input.entity: value is not {type, id}'],
    [{ __entity: { id: 'b' } }, 'input.entity: value is not {type, id}'],
    [{ __entity: { type: 'A', id: 1 } }, 'input.entity: value is not {type, id}'],
    [{ __extn: 'ip' }, 'input.extension: value names no function of Cedar'],
    [{ __extn: { fn: 1 } }, 'input.extension: value names no function of Cedar'],
    [{ __extn: { fn: 'nope', arg: '1' } }, 'input.extension: value names no function of Cedar'],
    [{ __extn: { fn: 'ip', args: '::1' } }, 'input.extension: value: args is not a list'],
    [{ __extn: { fn: 'ip' } }, 'input.null: value.arg is null; leave it out instead'],
    [{ __extn: { fn: 'ip', arg: 1.5 } }, 'input.number: value.arg is not a whole number'],
    [{ __extn: { fn: 'ip', arg: 'x' } }, 'input.extension: value: "x" is not an IP address or range'],
  ])('%# is %s', (json, expected) => {
    expect(cedar(json)).toBe(expected)
  })

  it('nests 64 deep and no deeper, and so do arguments', () => {
    expect(cedar(nested(64))).not.toContain('input.')
    expect(cedar(nested(65))).toMatch(/^input\.too_deep: value.* is nested deeper than 64$/)
    expect(fromPlainJson(nested(64)).ok).toBe(true)
    expect(fromPlainJson(nested(65)).ok).toBe(false)
    let calls: Json = '::1'
    for (let at = 0; at < 70; at += 1) calls = { __extn: { fn: 'ip', arg: calls } }
    expect(cedar(calls)).toMatch(/^input\.too_deep: value(?:\.arg)+ is nested deeper than 64$/)
  })
})

describe("a caller's JSON", () => {
  test.each([
    ['9007199254740993', '9007199254740993'],
    ['-9223372036854775808', '-9223372036854775808'],
    ['10000000000000000.00', '10000000000000000'],
    ['-12345678901234567.0', '-12345678901234567'],
    ['123456789012345.5', 'decimal("123456789012345.5000")'],
    ['9223372036854775808', 'input.number: input is beyond 64 bits'],
    ['1.23456', 'input.number: input is not a whole number, nor a decimal of at most 4 places'],
    ['1e30', 'input.number: input is not a whole number, nor a decimal of at most 4 places'],
    ['{"a":{"__expr":1}}', 'input.reserved_key: input.a has the key __expr, which Cedar keeps for itself'],
    ['{"a":[1,{"b":null}]}', 'input.null: input.a[1].b is null; leave it out instead'],
    ['[[1],[2.5]]', '[[1], [decimal("2.5000")]]'],
  ])('%s becomes %s', (source, expected) => {
    expect(plain(source)).toBe(expected)
  })

  test.each([
    ['1', 1],
    ['9007199254740993', 9007199254740993n],
    ['[1.5,123456789012345.6]', [1.5, { rawJSON: '123456789012345.6' }]],
    ['12345678901234.5', 12345678901234.5],
    ['0.5', 0.5],
    ['0.000000000000000123', 1.23e-16],
    ['1.5e3', 1500],
    ['1e400', { rawJSON: '1e400' }],
    ['{"__proto__":1}', JSON.parse('{"__proto__":1}') as unknown],
    ['"12345678901234567890"', '12345678901234567890'],
    ['[true,null,"x"]', [true, null, 'x']],
  ])('%s is read to the digit, and written as it was', (source, expected) => {
    const read = parseExactJson(source)
    expect(
      JSON.stringify(read, (_key, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item)),
    ).toBe(
      JSON.stringify(expected, (_key, item: unknown) => {
        if (typeof item === 'bigint') return `${item}n`
        const raw = typeof item === 'object' && item !== null && 'rawJSON' in item ? item.rawJSON : undefined
        return typeof raw === 'string'
          ? (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(raw)
          : item
      }),
    )
    if (!source.includes('e') && !source.startsWith('0')) expect(printExactJson(read)).toBe(source)
  })

  it('is refused with a SyntaxError where it is none', () => {
    for (const source of ['{', '01', '1234567890123456x', ''])
      expect(() => parseExactJson(source)).toThrow(SyntaxError)
  })
})

describe('entities', () => {
  const uid = { type: 'User', id: 'ana' }
  const drafts = (json: Json) => {
    const read = entitiesFromJson(json)
    return read.ok ? read.value : `${read.error.reason}: ${read.error.says}`
  }

  it('have a uid, attributes, tags and parents', () => {
    const parents = [{ __entity: { type: 'Group', id: 'staff' } }]
    const found = drafts([{ uid, attrs: { name: 'Ana' }, tags: { team: 'blue' }, parents }])
    if (typeof found === 'string') throw new Error(found)
    const [draft] = found
    expect(draft?.uid.key).toBe('User::"ana"')
    expect([...(draft?.attrs ?? [])]).toEqual([['name', { kind: 'string', value: 'Ana' }]])
    expect([...(draft?.tags ?? [])]).toEqual([['team', { kind: 'string', value: 'blue' }]])
    expect(draft?.parents?.map(({ key }) => key)).toEqual(['Group::"staff"'])
    expect(drafts([{ uid }])).toEqual([
      {
        uid: expect.objectContaining({ key: 'User::"ana"' }),
        attrs: new Map(),
        tags: new Map(),
        parents: [],
      },
    ])
    expect(drafts([])).toEqual([])
    expect(drafts([{ uid }, { uid: { type: 'User', id: 'bob' } }])).toHaveLength(2)
  })

  test.each<[Json, string]>([
    [{}, 'input.entity: entities are not a list'],
    [[1], 'input.entity: entities[0] is not an object'],
    [[{ uid }, {}], 'input.entity: entities[1].uid is not {type, id}'],
    [[{ uid, attrs: [] }], 'input.entity: entities[0].attrs is not an object'],
    [[{ uid, attrs: { a: null } }], 'input.null: entities[0].attrs.a is null; leave it out instead'],
    [[{ uid, attrs: { a: 1.5 } }], 'input.number: entities[0].attrs.a is not a whole number'],
    [[{ uid, tags: 1 }], 'input.entity: entities[0].tags is not an object'],
    [[{ uid, tags: { a: null } }], 'input.null: entities[0].tags.a is null; leave it out instead'],
    [[{ uid, parents: [{ type: 'Group' }] }], 'input.entity: entities[0].parents is not {type, id}'],
  ])('%j are refused', (json, expected) => {
    expect(drafts(json)).toBe(expected)
  })

  it('are named in what is said of them', () => {
    expect(readUid(undefined)).toMatchObject({ ok: false, error: { says: 'uid is not {type, id}' } })
  })
})

describe('a pattern', () => {
  const read = (source: string) =>
    pattern(
      source
        .split(/(\*)/)
        .flatMap((part): PatternPart[] => (part === '' ? [] : [part === '*' ? WILDCARD : part])),
    )
  test.each([
    ['', '', true],
    ['', 'a', false],
    ['a', 'a', true],
    ['a', 'ab', false],
    ['*', '', true],
    ['*', 'abc', true],
    ['a*', 'a', true],
    ['a*', 'ba', false],
    ['*a', 'ba', true],
    ['*a', 'ab', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'axbxc', true],
    ['a*b*c', 'acb', false],
    ['*a*', 'a', true],
    ['*ab*ab*', 'ab', false],
    ['*ab*ab*', 'abab', true],
    ['*ab*b', 'ab', false],
    ['**a**', 'xax', true],
    ['*b*c*', 'cb', false],
    ['*b*b*b*', 'bb', false],
  ])('%s fits %j: %s', (source, value, expected) => {
    expect(matches(read(source), value)).toBe(expected)
  })

  it('of parts in a row is one text', () => {
    expect(matches(pattern(['a', 'b', WILDCARD, 'c', 'd']), 'abxcd')).toBe(true)
    expect(matches(pattern(['a', 'b', WILDCARD, 'c', 'd']), 'bxcd')).toBe(false)
    expect(pattern([]).middle).toEqual([])
    expect(read('a**b*c').middle).toEqual(['b'])
  })
})
