import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseNames } from './escaped-names.ts'
import { parseStrictJsonText } from './strict-json.ts'

const parse = (text: string) => parseNames(text, JSON.parse)

/** Names that are spelled like the beginning of how others are. */
const NAMES = [
  '',
  '\\',
  '\\u',
  '\\u0061',
  'a',
  'abc',
  'a"',
  'a\\',
  '"',
  '\n',
  '\\n',
  '\u0001',
  '\ue000',
  '\ue0000',
  'é',
  '\u2028',
]
const anyName = fc.oneof(fc.constantFrom(...NAMES), fc.string({ unit: 'binary', maxLength: 3 }))
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, 1, ...NAMES),
    fc.array(tie('json'), { maxLength: 3 }),
    fc
      .uniqueArray(fc.tuple(anyName, tie('json')), { maxLength: 4, selector: ([name]) => name })
      .map((entries) => Object.fromEntries(entries)),
  ),
}))
/** Every character of a name may be written by its number. */
function spelled(value: unknown, byNumber: boolean): string {
  if (Array.isArray(value)) return `[${value.map((item) => spelled(item, byNumber)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const name = (text: string) =>
    byNumber
      ? `"${text.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`
      : JSON.stringify(text)
  const members = Object.entries(value).map(([each, item]) => `${name(each)}:${spelled(item, byNumber)}`)
  return `{${members.join(',')}}`
}

describe('a name that is written with an escape', () => {
  it('is its own, whatever was read before', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(json, fc.boolean()), { minLength: 1, maxLength: 8 }), (all) => {
        for (const [value, byNumber] of all) {
          expect(JSON.stringify(parse(spelled(value, byNumber)))).toBe(JSON.stringify(value))
        }
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['{"zz1":1,"\\\\u0061":1}', '{"zz1":1,"\\u0061mount":1000}', { zz1: 1, amount: 1000 }],
    ['{"zz2":1,"a\\\\":1}', '{"zz2":1,"a\\"":2}', { zz2: 1, 'a"': 2 }],
    ['{"zz3":[{"b":1,"\\\\":1}]}', '{"zz3":[{"b":1,"\\n":1}]}', { zz3: [{ b: 1, '\n': 1 }] }],
    ['{"zz4":1,"caf\\\\":1}', '{ "zz4" : 1 , "caf\\u00e9" : "a\\": \\\\" }', { zz4: 1, café: 'a": \\' }],
  ])('is read rightly after %s, also strictly', (before, text, expected) => {
    JSON.parse(before)
    expect(parse(text)).toEqual(expected)
    JSON.parse(before)
    expect(parseStrictJsonText(text)).toEqual(expected)
  })

  it('is a name twice where another spelling of it stands beside', () => {
    JSON.parse('{"zz5":1,"\\\\u0061":1}')
    expect(parseStrictJsonText('{"zz5":1,"\\u0061bc":1,"abc":2}')).toBeUndefined()
    expect(parseStrictJsonText('{"zz5":1,"\\u0061bc":1,"\\\\u0061":2}')).toEqual({
      ...{ zz5: 1, abc: 1, '\\u0061': 2 },
    })
  })

  it('may be that of a prototype, which is an ordinary name', () => {
    const value = parse('{"__proto__":{"\\\\":1},"\\\\":2}') as object
    expect(Object.entries(value)).toEqual([
      ['__proto__', { '\\': 1 }],
      ['\\', 2],
    ])
  })

  it('leaves numbers as a reviver reads them', () => {
    const exact = JSON as unknown as { rawJSON(text: string): unknown }
    const revive = (text: string) =>
      parseNames(text, (each) =>
        JSON.parse(each, (_name, value: unknown) => (value === 1 ? exact.rawJSON('1.00') : value)),
      )
    expect(JSON.stringify(revive('{"\\\\":1,"b":[1,2]}'))).toBe('{"\\\\":1.00,"b":[1.00,2]}')
  })
})
