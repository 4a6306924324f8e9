import { describe, expect, it, test } from 'vitest'
import { buildEntities } from './entities.ts'
import { explainMatch, explainPolicy, show } from './explain.ts'
import { children } from './expression.ts'
import type { Json } from './json.ts'
import { preparePolicy } from './policy.ts'
import { readExpression } from './read-expression.ts'
import { render } from './render.ts'
import { entityUid, record, setOf, text, UNKNOWN, type Value } from './value.ts'

const val = (json: Json): Json => ({ Value: json })
const CONTEXT: Json = { Var: 'context' }
const attr = (left: Json, name: string): Json => ({ '.': { left, attr: name } })
const two = (op: string, left: Json, right: Json): Json => ({ [op]: { left, right } })
const one = (op: string, arg: Json): Json => ({ [op]: { arg } })
const context = (name: string) => attr(CONTEXT, name)
const [ONE, TWO, NAMES, EMPTY, OPEN, BAD] = ['one', 'two', 'names', 'empty', 'open', 'nothing'].map(
  context,
) as [Json, Json, Json, Json, Json, Json]
const ANA = entityUid('User', 'ana')
const entity = (type: string, id: string) => ({ type, id })
const built = buildEntities([
  { uid: ANA, parents: [entityUid('Group', 'staff')], tags: new Map([['team', text('blue')]]) },
])
if (!built.ok) throw new Error(built.error.says)
const entities = built.value
const request = {
  principal: ANA,
  action: entityUid('Action', 'read'),
  resource: entityUid('Doc', '1'),
  context: record(
    new Map<string, Value>([
      ['one', { kind: 'long', value: 1n }],
      ['two', { kind: 'long', value: 2n }],
      ['names', setOf([text('a'), text('b')])],
      ['empty', setOf([])],
      ['yes', { kind: 'bool', value: true }],
      ['open', UNKNOWN],
    ]),
  ),
}

type Parts = { readonly principal?: Json; readonly action?: Json; readonly resource?: Json }
const ALL: Json = { op: 'All' }
function policyOf(conditions: Json, { principal = ALL, action = ALL, resource = ALL }: Parts = {}) {
  const policy = preparePolicy('p', { effect: 'permit', principal, action, resource, conditions })
  if (!policy.ok) throw new Error(policy.error.says)
  return policy.value
}
const when = (...bodies: readonly Json[]): Json => bodies.map((body) => ({ kind: 'when', body }))
const unless = (...bodies: readonly Json[]): Json => bodies.map((body) => ({ kind: 'unless', body }))

function missed(conditions: Json, parts: Parts = {}): string {
  const miss = explainPolicy(policyOf(conditions, parts), request, entities)
  return miss === undefined ? 'satisfied' : `${miss.part} ${miss.outcome}: ${miss.clause}: ${miss.says}`
}

describe('why a policy is not satisfied', () => {
  test.each<[Parts, string]>([
    [{}, 'satisfied'],
    [
      { principal: { op: '==', entity: entity('User', 'bob') } },
      'principal unsatisfied: principal == User::"bob": User::"ana" is not User::"bob"',
    ],
    [{ principal: { op: '==', entity: entity('User', 'ana') } }, 'satisfied'],
    [
      { action: { op: 'in', entities: [entity('Action', 'write'), entity('Action', 'list')] } },
      'action unsatisfied: action in [Action::"write", Action::"list"]: Action::"read" is not in [Action::"write", Action::"list"]',
    ],
    [{ action: { op: 'in', entities: [] } }, 'action unsatisfied: action in []: Action::"read" is not in []'],
    [{ action: { op: 'in', entities: [entity('Action', 'list'), entity('Action', 'read')] } }, 'satisfied'],
    [
      { resource: { op: 'in', entity: entity('Folder', 'f') } },
      'resource unsatisfied: resource in Folder::"f": Doc::"1" is not in Folder::"f"',
    ],
    [{ principal: { op: 'in', entity: entity('Group', 'staff') } }, 'satisfied'],
    [
      { resource: { op: 'is', entity_type: 'Folder' } },
      'resource unsatisfied: resource is Folder: Doc::"1" is not Folder',
    ],
    [
      { principal: { op: 'is', entity_type: 'User', in: { entity: entity('Group', 'crew') } } },
      'principal unsatisfied: principal is User in Group::"crew": User::"ana" is not User in Group::"crew"',
    ],
    [{ principal: { op: 'is', entity_type: 'User', in: { entity: entity('Group', 'staff') } } }, 'satisfied'],
    [
      { principal: { op: 'is', entity_type: 'Agent', in: { entity: entity('Group', 'staff') } } },
      'principal unsatisfied: principal is Agent in Group::"staff": User::"ana" is not Agent in Group::"staff"',
    ],
  ])('by its scope %j', (parts, expected) => {
    expect(missed([], parts)).toBe(expected)
  })

  /** What a `when` says that misses, and an `unless` that hits. */
  test.each<[string, Json, string]>([
    ['when', two('==', ONE, TWO), '1 is not 2'],
    ['unless', two('==', ONE, ONE), '1 is 1'],
    ['when', two('!=', ONE, ONE), '1 is 1'],
    ['unless', two('!=', ONE, TWO), '1 is not 2'],
    ['when', two('<', TWO, ONE), '2 is not less than 1'],
    ['unless', two('<', ONE, TWO), '1 is less than 2'],
    ['when', two('<=', TWO, ONE), '2 is more than 1'],
    ['unless', two('<=', ONE, TWO), '1 is at most 2'],
    ['when', two('>', ONE, TWO), '1 is not more than 2'],
    ['unless', two('>', TWO, ONE), '2 is more than 1'],
    ['when', two('>=', ONE, TWO), '1 is less than 2'],
    ['unless', two('>=', TWO, ONE), '2 is at least 1'],
    [
      'when',
      two('in', { Var: 'principal' }, val({ __entity: entity('Group', 'crew') })),
      'User::"ana" is not in Group::"crew"',
    ],
    [
      'unless',
      two('in', { Var: 'principal' }, val({ __entity: entity('Group', 'staff') })),
      'User::"ana" is in Group::"staff"',
    ],
    ['when', two('contains', NAMES, val('c')), '["a", "b"] lacks "c"'],
    ['unless', two('contains', NAMES, val('a')), '["a", "b"] holds "a"'],
    ['when', two('containsAll', NAMES, val(['a', 'c', 'd'])), '["a", "b"] lacks "c", "d"'],
    ['unless', two('containsAll', NAMES, val(['a', 'b'])), '["a", "b"] holds ["a", "b"]'],
    ['when', two('containsAny', NAMES, val(['c'])), '["a", "b"] has none of ["c"]'],
    ['unless', two('containsAny', NAMES, val(['a'])), '["a", "b"] has one of ["a"]'],
    ['when', two('hasTag', { Var: 'principal' }, val('rank')), 'User::"ana" has no tag "rank"'],
    ['unless', two('hasTag', { Var: 'principal' }, val('team')), 'User::"ana" has the tag "team"'],
    ['when', one('isEmpty', NAMES), '["a", "b"] is not empty'],
    ['unless', one('isEmpty', EMPTY), 'context.empty is empty'],
    ['when', one('!', two('==', ONE, ONE)), '1 is 1'],
    ['unless', one('!', two('==', ONE, TWO)), '1 is not 2'],
    ['when', { has: { left: CONTEXT, attr: ['a', 'b'] } }, 'context has no a.b'],
    ['unless', { has: { left: CONTEXT, attr: 'one' } }, 'context has one'],
    [
      'when',
      { like: { left: val('abc'), pattern: [{ Literal: 'b' }, 'Wildcard'] } },
      '"abc" is not like "b*"',
    ],
    ['unless', { like: { left: val('abc'), pattern: [{ Literal: 'a' }, 'Wildcard'] } }, '"abc" is like "a*"'],
    ['when', { is: { left: { Var: 'principal' }, entity_type: 'Agent' } }, 'User::"ana" is not Agent'],
    ['unless', { is: { left: { Var: 'principal' }, entity_type: 'User' } }, 'User::"ana" is User'],
    [
      'when',
      {
        is: {
          left: { Var: 'principal' },
          entity_type: 'User',
          in: val({ __entity: entity('Group', 'crew') }),
        },
      },
      'User::"ana" is not User in Group::"crew"',
    ],
    ['when', val(false), 'false is false'],
    ['unless', context('yes'), 'context.yes is true'],
    ['when', { isLoopback: [{ ip: [val('10.0.0.1')] }] }, 'ip("10.0.0.1").isLoopback() is false'],
    ['when', one('!', two('&&', two('==', ONE, ONE), two('<', ONE, TWO))), '1 is 1, and 1 is less than 2'],
    ['when', one('!', two('||', two('==', ONE, TWO), two('<', ONE, TWO))), '1 is less than 2'],
    ['when', two('||', two('==', ONE, TWO), two('>', ONE, TWO)), '1 is not 2, and 1 is not more than 2'],
    ['unless', two('&&', two('==', ONE, ONE), two('<', ONE, TWO)), '1 is 1, and 1 is less than 2'],
    ['unless', one('!', two('&&', two('==', ONE, ONE), two('>', ONE, TWO))), '1 is not more than 2'],
  ])('%s %#', (kind, body, expected) => {
    const read = readExpression(body)
    if (!read.ok) throw new Error(read.error.says)
    const clause = render(read.value)
    const conditions = kind === 'when' ? when(body) : unless(body)
    expect(missed(conditions)).toBe(`${kind} unsatisfied: ${clause}: ${expected}`)
    expect(missed(kind === 'when' ? unless(body) : when(body))).toBe('satisfied')
  })

  test.each<[string, Json, string]>([
    ['an unknown', when(OPEN), 'when unknown: context.open: depends on what is not known yet'],
    ['an unknown, then a miss', when(OPEN, val(false)), 'when unsatisfied: false: false is false'],
    [
      'an unknown part, then a part that misses',
      when(two('&&', OPEN, val(false))),
      'when unsatisfied: false: false is false',
    ],
    [
      'an unknown, then a failure',
      when(OPEN, BAD),
      'when unknown: context.open: depends on what is not known yet',
    ],
    ['a failure', when(BAD), 'when error: context.nothing: the record has no attribute "nothing"'],
    [
      'a failure, then a miss',
      when(BAD, val(false)),
      'when error: context.nothing: the record has no attribute "nothing"',
    ],
    ['a number', when(ONE), 'when error: context.one: is no true or false, but 1'],
    [
      'the first of two misses',
      when(two('==', ONE, TWO), val(false)),
      'when unsatisfied: context.one == context.two: 1 is not 2',
    ],
    [
      'an unless after a when',
      [...(when(val(true)) as Json[]), ...(unless(val(true)) as Json[])],
      'unless unsatisfied: true: true is true',
    ],
    [
      'a side that has no value',
      when(two('==', ONE, val(true)), val(true)),
      'when unsatisfied: context.one == true: 1 is not true',
    ],
  ])('by %s', (_name, conditions, expected) => {
    expect(missed(conditions)).toBe(expected)
  })
})

describe('by what a policy is satisfied', () => {
  it('is each part of its clauses, and nothing where its scope is enough', () => {
    const conditions = [
      ...(when(two('&&', two('==', ONE, ONE), two('<', ONE, TWO))) as Json[]),
      ...(unless(two('||', two('==', ONE, TWO), one('isEmpty', NAMES))) as Json[]),
    ]
    expect(explainMatch(policyOf(conditions), request, entities)).toEqual([
      { clause: 'context.one == context.one', says: '1 is 1' },
      { clause: 'context.one < context.two', says: '1 is less than 2' },
      { clause: 'unless context.one == context.two', says: '1 is not 2' },
      { clause: 'unless context.names.isEmpty()', says: '["a", "b"] is not empty' },
    ])
    expect(explainMatch(policyOf([]), request, entities)).toEqual([])
  })
})

test.each<[Value, string]>([
  [{ kind: 'decimal', value: 15_000n }, '1.5'],
  [{ kind: 'decimal', value: 20_000n }, '2'],
  [{ kind: 'ipaddr', version: 4, address: 1n, prefix: 8 }, '0.0.0.1/8'],
  [{ kind: 'datetime', value: 0n }, '1970-01-01T00:00:00.000Z'],
  [{ kind: 'duration', value: 5n }, '5 ms'],
  [text('x'), '"x"'],
  [text('x'.repeat(198)), `"${'x'.repeat(198)}"`],
  [text('x'.repeat(199)), `"${'x'.repeat(198)}…`],
])('a value is shown as people write it', (value, expected) => {
  expect(show(value)).toBe(expected)
})

test.each<[Json, readonly string[]]>([
  [val(1), []],
  [CONTEXT, []],
  [two('&&', ONE, TWO), ['context.one', 'context.two']],
  [two('||', ONE, TWO), ['context.one', 'context.two']],
  [{ Set: [ONE, TWO] }, ['context.one', 'context.two']],
  [one('!', ONE), ['context.one']],
  [two('==', ONE, TWO), ['context.one', 'context.two']],
  [ONE, ['context']],
  [{ has: { left: ONE, attr: 'a' } }, ['context.one']],
  [{ like: { left: ONE, pattern: [] } }, ['context.one']],
  [{ is: { left: ONE, entity_type: 'A' } }, ['context.one']],
  [{ is: { left: ONE, entity_type: 'A', in: TWO } }, ['context.one', 'context.two']],
  [{ Record: { a: ONE, b: TWO } }, ['context.one', 'context.two']],
  [{ ip: [ONE] }, ['context.one']],
])('the expressions inside %j are known', (json, expected) => {
  const read = readExpression(json)
  expect(read.ok && children(read.value).map(render)).toEqual(expected)
})
