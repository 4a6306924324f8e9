import { describe, expect, test } from 'vitest'
import { NO_ENTITIES } from './entities.ts'
import { attribute, BINARY_OPERATORS, has, UNARY_OPERATORS } from './operators.ts'
import { constraintTest, preparePolicy } from './policy.ts'
import type { ScopeConstraint } from './scope.ts'
import { entityUid, long, type Outcome, record, setOf, text, UNKNOWN, type Value } from './value.ts'

const EACH: readonly Value[] = [
  { kind: 'bool', value: true },
  long(1n) as Value,
  text('a'),
  entityUid('User', 'ana'),
  setOf([entityUid('User', 'ana')]),
  record(new Map()),
  { kind: 'decimal', value: 10_000n },
  { kind: 'datetime', value: 1n },
  { kind: 'duration', value: 1n },
  { kind: 'ipaddr', version: 4, address: 1n, prefix: 32 },
]
const one = (kind: Value['kind']): Value => EACH.find((each) => each.kind === kind) ?? UNKNOWN

/** What an operator takes on each side, and how it says so. */
type Takes = {
  readonly says: string
  readonly left: readonly Value['kind'][]
  readonly leftSays: string
  readonly right: readonly Value['kind'][]
  readonly rightSays: string
}
const both = (says: string, kind: Value['kind']): Takes => ({
  ...{ says, left: [kind], leftSays: kind, right: [kind], rightSays: kind },
})
const ORDERED = ['long', 'datetime', 'duration'] as const
const ordered = (says: string): Takes => ({
  ...{ says, left: ORDERED, right: ORDERED },
  ...{ leftSays: ORDERED_SAYS, rightSays: ORDERED_SAYS },
})
const ORDERED_SAYS = 'long, datetime or duration'
const tags = (says: string): Takes => ({
  ...{ says, left: ['entity'], leftSays: 'entity', right: ['string'], rightSays: 'string' },
})
const BINARY: Readonly<Partial<Record<keyof typeof BINARY_OPERATORS, Takes>>> = {
  '+': both('+', 'long'),
  '-': both('-', 'long'),
  '*': both('*', 'long'),
  '<': ordered('<'),
  '<=': ordered('<='),
  '>': ordered('>'),
  '>=': ordered('>='),
  in: {
    ...{ says: 'in', left: ['entity'], leftSays: 'entity' },
    ...{ right: ['entity', 'set'], rightSays: 'entity or a set of them' },
  },
  containsAll: both('containsAll', 'set'),
  containsAny: both('containsAny', 'set'),
  getTag: tags('getTag'),
  hasTag: tags('hasTag'),
}

function failureOf(outcome: Outcome): string {
  return outcome.kind === 'failure' ? `${outcome.reason}: ${outcome.says}` : outcome.kind
}

describe.each(Object.entries(BINARY))('%s', (name, takes) => {
  const apply = BINARY_OPERATORS[name as keyof typeof BINARY_OPERATORS]
  const fine = (side: 'left' | 'right') => one(takes[side][0] ?? 'unknown')

  test('says which operator it is, what it needs and what it got, on either side', () => {
    for (const value of EACH) {
      const left = failureOf(apply(value, fine('right'), NO_ENTITIES))
      if (!takes.left.includes(value.kind))
        expect(left).toBe(`type: ${takes.says} needs a ${takes.leftSays}, not a ${value.kind}`)
      const right = failureOf(apply(fine('left'), value, NO_ENTITIES))
      if (!takes.right.includes(value.kind))
        expect(right).toBe(`type: ${takes.says} needs a ${takes.rightSays}, not a ${value.kind}`)
    }
  })

  test('is unknown with an unknown on either side, and an error all the same beside what it never takes', () => {
    expect(apply(UNKNOWN, fine('right'), NO_ENTITIES)).toBe(UNKNOWN)
    expect(apply(fine('left'), UNKNOWN, NO_ENTITIES)).toBe(UNKNOWN)
    expect(apply(UNKNOWN, UNKNOWN, NO_ENTITIES)).toBe(UNKNOWN)
    expect(apply(UNKNOWN, one('ipaddr'), NO_ENTITIES).kind).toBe('failure')
    expect(apply(one('ipaddr'), UNKNOWN, NO_ENTITIES).kind).toBe('failure')
  })
})

test('what is ordered is ordered among itself alone', () => {
  const { '<': less } = BINARY_OPERATORS
  for (const left of ORDERED) {
    for (const right of ORDERED) {
      const got = failureOf(less(one(left), one(right), NO_ENTITIES))
      expect([left, right, got]).toEqual([
        left,
        right,
        left === right ? 'bool' : `type: < needs a ${left}, not a ${right}`,
      ])
    }
  }
})

test('`in` names what in a set is no entity', () => {
  const { in: within } = BINARY_OPERATORS
  const set = setOf([entityUid('User', 'ana'), text('x')])
  const wanted = 'type: in needs a set of entities, not a string'
  expect(failureOf(within(one('entity'), set, NO_ENTITIES))).toBe(wanted)
  expect(failureOf(within(UNKNOWN, set, NO_ENTITIES))).toBe(wanted)
  expect(within(UNKNOWN, one('set'), NO_ENTITIES)).toBe(UNKNOWN)
})

test('`contains` takes a set, and anything in it', () => {
  const { contains } = BINARY_OPERATORS
  for (const value of EACH) {
    expect(contains(setOf([value]), value, NO_ENTITIES)).toEqual({ kind: 'bool', value: true })
    if (value.kind !== 'set')
      expect(failureOf(contains(value, value, NO_ENTITIES))).toBe(
        `type: contains needs a set, not a ${value.kind}`,
      )
  }
})

test.each([
  ['!', '!', 'bool'],
  ['neg', '-', 'long'],
  ['isEmpty', 'isEmpty', 'set'],
] as const)('%s says what it needs and what it got', (name, says, kind) => {
  for (const value of EACH) {
    const got = failureOf(UNARY_OPERATORS[name](value))
    if (value.kind !== kind) expect(got).toBe(`type: ${says} needs a ${kind}, not a ${value.kind}`)
    else expect(got).not.toContain('needs')
  }
  expect(UNARY_OPERATORS[name](UNKNOWN)).toBe(UNKNOWN)
})

test('an attribute is read, and asked for, of records and entities alone', () => {
  for (const value of EACH) {
    if (value.kind === 'record' || value.kind === 'entity') continue
    const needs = `needs a record or entity, not a ${value.kind}`
    expect(failureOf(attribute(value, 'a', NO_ENTITIES))).toBe(`type: .a ${needs}`)
    expect(failureOf(has(value, ['a'], NO_ENTITIES))).toBe(`type: has ${needs}`)
  }
})

test('a path is followed step by step: missing is false, what can not be read is an error, and its end is only asked for', () => {
  const deep = record(new Map([['a', record(new Map([['b', text('x')]]))]]))
  expect(has(deep, ['a', 'b'], NO_ENTITIES)).toEqual({ kind: 'bool', value: true })
  expect(has(deep, ['a', 'c'], NO_ENTITIES)).toEqual({ kind: 'bool', value: false })
  expect(has(deep, ['c', 'b'], NO_ENTITIES)).toEqual({ kind: 'bool', value: false })
  expect(failureOf(has(deep, ['a', 'b', 'c'], NO_ENTITIES))).toBe(
    'type: has needs a record or entity, not a string',
  )
  const open = record(new Map([['a', UNKNOWN]]))
  expect(has(open, ['a'], NO_ENTITIES)).toEqual({ kind: 'bool', value: true })
  expect(has(open, ['a', 'b'], NO_ENTITIES)).toBe(UNKNOWN)
  // Nobody knows this entity, so it has nothing.
  expect(has(record(new Map([['a', entityUid('E', 'x')]])), ['a', 'b'], NO_ENTITIES)).toEqual({
    kind: 'bool',
    value: false,
  })
})

describe('a scope', () => {
  const [ana, bob] = [entityUid('User', 'ana'), entityUid('User', 'bob')]
  const [staff, bot] = [entityUid('Group', 'staff'), entityUid('Agent', 'ana')]
  const store = {
    get: (key: string) =>
      key === ana.key
        ? { uid: ana, attrs: new Map(), tags: new Map(), ancestors: new Set([staff.key]) }
        : undefined,
  }
  test.each<[string, ScopeConstraint, readonly string[]]>([
    ['anything', { op: 'all' }, ['ana', 'bob', 'staff', 'bot']],
    ['one', { op: '==', entity: ana }, ['ana']],
    ['whatever is in a group', { op: 'in', entities: [staff] }, ['ana', 'staff']],
    ['whatever is in one of several', { op: 'in', entities: [bob, staff] }, ['ana', 'bob', 'staff']],
    ['whatever is in nothing', { op: 'in', entities: [] }, []],
    ['a type', { op: 'is', type: 'User' }, ['ana', 'bob']],
    ['a type that there is none of', { op: 'is', type: 'Use' }, []],
    ['a type in a group', { op: 'is', type: 'User', in: staff }, ['ana']],
    ['a type in one', { op: 'is', type: 'User', in: bob }, ['bob']],
    ['another type in a group', { op: 'is', type: 'Agent', in: staff }, []],
  ])('takes %s, and nothing else', (_name, constraint, expected) => {
    const meets = constraintTest(constraint)
    const taken = Object.entries({ ana, bob, staff, bot }).filter(([, uid]) => meets(uid, store))
    expect(taken.map(([name]) => name)).toEqual(expected)
  })
})

test.each<[string, unknown, string]>([
  ['no object', [], 'policy.malformed: a policy is not an object'],
  ['nothing', null, 'policy.malformed: a policy is not an object'],
  ['without an effect', {}, 'policy.malformed: the effect is not permit or forbid'],
  ['without a scope', { effect: 'permit' }, 'policy.malformed: a part of the scope is missing'],
  ...(
    [
      ['no list', {}, 'malformed: the conditions are not a list'],
      ['a clause that is none', [1], 'unsupported: a clause other than when and unless'],
      ['a clause without a body', [{ kind: 'when' }], 'malformed: an empty when'],
      ['another clause without a body', [{ kind: 'unless' }], 'malformed: an empty unless'],
    ] as const
  ).map(
    ([name, conditions, says]) =>
      [
        `with ${name}`,
        {
          ...{ effect: 'permit', principal: { op: 'All' }, action: { op: 'All' }, resource: { op: 'All' } },
          conditions,
        },
        `policy.${says}`,
      ] as [string, unknown, string],
  ),
])('a policy that is %s is refused, and it is said why', (_name, est, expected) => {
  const read = preparePolicy('p', est as Parameters<typeof preparePolicy>[1])
  expect(read.ok ? 'read' : `${read.error.reason}: ${read.error.says}`).toBe(expected)
})

test('a policy without annotations has none, whatever else was read', () => {
  const est = (annotations?: object) => ({
    ...{ effect: 'permit', principal: { op: 'All' }, action: { op: 'All' }, resource: { op: 'All' } },
    ...{ conditions: [], ...(annotations ? { annotations } : {}) },
  })
  const of = (annotations?: object) => {
    const read = preparePolicy('p', est(annotations) as Parameters<typeof preparePolicy>[1])
    return read.ok ? [...read.value.annotations] : []
  }
  expect([of({ id: 'x', ask: null }), of(), of({})]).toEqual([
    [
      ['id', 'x'],
      ['ask', ''],
    ],
    [],
    [],
  ])
})
