import { describe, expect, it, test } from 'vitest'
import { buildEntities } from './entities.ts'
import type { BinaryName, UnaryName } from './expression.ts'
import { attribute, BINARY_OPERATORS, has, UNARY_OPERATORS } from './operators.ts'
import { entityUid, type Outcome, record, setOf, text, UNKNOWN, type Value } from './value.ts'

const ANA = entityUid('User', 'ana')
const BOB = entityUid('User', 'bob')
const STAFF = entityUid('Group', 'staff')
const built = buildEntities([
  { uid: STAFF },
  {
    uid: ANA,
    parents: [STAFF],
    attrs: new Map<string, Value>([
      ['name', text('Ana')],
      ['home', record(new Map([['city', text('Bern')]]))],
    ]),
    tags: new Map([['team', text('blue')]]),
  },
])
if (!built.ok) throw new Error(built.error.says)
const entities = built.value

const whole = (value: bigint): Value => ({ kind: 'long', value })
const at = (value: bigint): Value => ({ kind: 'datetime', value })
const lasting = (value: bigint): Value => ({ kind: 'duration', value })
const set = (...items: readonly Value[]) => setOf(items)
const fields = (entries: Readonly<Record<string, Value>>) => record(new Map(Object.entries(entries)))
const OPEN = fields({ a: UNKNOWN })

/** One value of each kind. */
const EACH: Readonly<Record<string, Value>> = {
  bool: { kind: 'bool', value: true },
  long: whole(1n),
  string: text('team'),
  entity: ANA,
  set: set(whole(1n)),
  record: fields({ a: whole(1n) }),
  decimal: { kind: 'decimal', value: 1n },
  datetime: at(1n),
  duration: lasting(1n),
  ipaddr: { kind: 'ipaddr', version: 4, address: 1n, prefix: 32 },
  unknown: UNKNOWN,
}
const KINDS = Object.keys(EACH)
const of = (kind: string): Value => EACH[kind] as Value

/** A value, or the reason of a failure; a failure says what it is about. */
function shown(outcome: Outcome): unknown {
  if (outcome.kind === 'failure') {
    expect(outcome.says).toMatch(/\S+ \S+/)
    return outcome.reason
  }
  if (outcome.kind === 'bool' || outcome.kind === 'long' || outcome.kind === 'string') return outcome.value
  return outcome.kind
}
const apply = (name: BinaryName, left: Value, right: Value) =>
  shown(BINARY_OPERATORS[name](left, right, entities))

describe('an operator over two values', () => {
  /** The pairs of kinds that each takes; with an unknown on either side the answer is unknown, and any other pair is an error. */
  const TAKES: Readonly<Partial<Record<BinaryName, readonly (readonly [string, string])[]>>> = {
    '+': [['long', 'long']],
    '-': [['long', 'long']],
    '*': [['long', 'long']],
    ...Object.fromEntries(
      ['<', '<=', '>', '>='].map((name) => [
        name,
        ['long', 'datetime', 'duration'].map((kind) => [kind, kind]),
      ]),
    ),
    containsAll: [['set', 'set']],
    containsAny: [['set', 'set']],
    getTag: [['entity', 'string']],
    hasTag: [['entity', 'string']],
  }

  describe.each(Object.entries(TAKES))('%s', (name, pairs) => {
    const lefts = new Set([...pairs.map(([left]) => left), 'unknown'])
    const rights = new Set([...pairs.map(([, right]) => right), 'unknown'])
    it.each(KINDS)('takes of %s what it can', (left) => {
      for (const right of KINDS) {
        const found = apply(name as BinaryName, of(left), of(right))
        const fits = pairs.some(([one, two]) => one === left && two === right)
        const open = lefts.has(left) && rights.has(right) && (left === 'unknown' || right === 'unknown')
        const expected = fits ? expect.not.stringMatching(/^(type|unknown)$/) : open ? 'unknown' : 'type'
        if (fits && typeof found !== 'string') continue
        expect([left, right, found]).toEqual([left, right, expected])
      }
    })
  })

  it('is equal or not whatever the kinds, unless something is unknown', () => {
    for (const left of KINDS) {
      for (const right of KINDS) {
        const open = left === 'unknown' || right === 'unknown'
        expect([left, right, apply('==', of(left), of(right))]).toEqual([
          left,
          right,
          open ? 'unknown' : left === right,
        ])
        expect([left, right, apply('!=', of(left), of(right))]).toEqual([
          left,
          right,
          open ? 'unknown' : left !== right,
        ])
      }
    }
    expect(apply('==', OPEN, OPEN)).toBe('unknown')
    expect(apply('!=', OPEN, whole(1n))).toBe('unknown')
  })

  test.each<[BinaryName, bigint, bigint, unknown]>([
    ['+', 2n, 3n, 5n],
    ['-', 2n, 3n, -1n],
    ['*', 2n, 3n, 6n],
    ['+', 2n ** 63n - 1n, 1n, 'overflow'],
    ['-', -(2n ** 63n), 1n, 'overflow'],
    ['*', 2n ** 62n, 2n, 'overflow'],
    ['*', -(2n ** 62n), 2n, -(2n ** 63n)],
  ])('%s of %i and %i is %s', (name, left, right, expected) => {
    expect(apply(name, whole(left), whole(right))).toBe(expected)
  })

  test.each([whole, at, lasting])('orders what is less, equal and greater', (make) => {
    const order = (name: BinaryName) =>
      [
        [1n, 2n],
        [2n, 2n],
        [3n, 2n],
      ].map(([left = 0n, right = 0n]) => apply(name, make(left), make(right)))
    expect(order('<')).toEqual([true, false, false])
    expect(order('<=')).toEqual([true, true, false])
    expect(order('>')).toEqual([false, false, true])
    expect(order('>=')).toEqual([false, true, true])
  })

  test.each<[string, Value, Value, unknown]>([
    ['itself', ANA, ANA, true],
    ['what is above it', ANA, STAFF, true],
    ['what is below it', STAFF, ANA, false],
    ['another', ANA, BOB, false],
    ['what is not known', BOB, STAFF, false],
    ['a set with what is above it', ANA, set(BOB, STAFF), true],
    ['a set with what is above it first', ANA, set(STAFF, BOB), true],
    ['a set without it', ANA, set(BOB), false],
    ['a set of nothing', ANA, set(), false],
    ['a set with something else beside a match', ANA, set(ANA, whole(1n)), 'type'],
    ['a text', ANA, text('x'), 'type'],
    ['a record', ANA, fields({}), 'type'],
    ['an unknown', ANA, UNKNOWN, 'unknown'],
  ])('an entity is in %s, or not', (_name, left, right, expected) => {
    expect(apply('in', left, right)).toBe(expected)
  })

  it('is in nothing when it is no entity, and perhaps in anything when it is unknown', () => {
    for (const left of KINDS.filter((kind) => kind !== 'entity' && kind !== 'unknown'))
      expect([left, apply('in', of(left), STAFF)]).toEqual([left, 'type'])
    expect(apply('in', UNKNOWN, STAFF)).toBe('unknown')
    expect(apply('in', UNKNOWN, UNKNOWN)).toBe('unknown')
    expect(apply('in', UNKNOWN, set(STAFF))).toBe('unknown')
    expect(apply('in', UNKNOWN, set(whole(1n)))).toBe('type')
    expect(apply('in', UNKNOWN, text('x'))).toBe('type')
  })

  it('contains what is in a set, of any kind', () => {
    for (const left of KINDS.filter((kind) => kind !== 'set' && kind !== 'unknown'))
      expect([left, apply('contains', of(left), whole(1n))]).toEqual([left, 'type'])
    expect(apply('contains', set(whole(1n), text('x')), text('x'))).toBe(true)
    expect(apply('contains', set(whole(1n)), text('1'))).toBe(false)
    expect(apply('contains', set(), UNKNOWN)).toBe('unknown')
    expect(apply('contains', set(), OPEN)).toBe('unknown')
    expect(apply('contains', UNKNOWN, whole(1n))).toBe('unknown')
  })

  test.each([
    [[1n, 2n], [2n], true, true],
    [[1n, 2n], [2n, 3n], false, true],
    [[1n], [2n, 3n], false, false],
    [[1n], [], true, false],
    [[], [], true, false],
    [[], [1n], false, false],
  ])('a set of (%s) contains all of (%s): %s, any: %s', (left, right, every, some) => {
    const [one, two] = [set(...left.map(whole)), set(...right.map(whole))]
    expect(apply('containsAll', one, two)).toBe(every)
    expect(apply('containsAny', one, two)).toBe(some)
  })

  it('finds tags of who is known', () => {
    expect(apply('hasTag', ANA, text('team'))).toBe(true)
    expect(apply('hasTag', ANA, text('name'))).toBe(false)
    expect(apply('hasTag', BOB, text('team'))).toBe(false)
    expect(apply('getTag', ANA, text('team'))).toBe('blue')
    expect(apply('getTag', ANA, text('name'))).toBe('tag')
    expect(apply('getTag', BOB, text('team'))).toBe('entity')
  })
})

describe('an operator over one value', () => {
  const TAKES: Readonly<Record<UnaryName, string>> = { '!': 'bool', neg: 'long', isEmpty: 'set' }

  it.each(Object.entries(TAKES))('%s takes a %s alone', (name, kind) => {
    for (const given of KINDS.filter((each) => each !== kind)) {
      const found = shown(UNARY_OPERATORS[name as UnaryName](of(given)))
      expect([given, found]).toEqual([given, given === 'unknown' ? 'unknown' : 'type'])
    }
  })

  it('turns true into false, a number into its opposite, and sees what is empty', () => {
    expect(shown(UNARY_OPERATORS['!']({ kind: 'bool', value: true }))).toBe(false)
    expect(shown(UNARY_OPERATORS['!']({ kind: 'bool', value: false }))).toBe(true)
    expect(shown(UNARY_OPERATORS.neg(whole(5n)))).toBe(-5n)
    expect(shown(UNARY_OPERATORS.neg(whole(-(2n ** 63n))))).toBe('overflow')
    expect(shown(UNARY_OPERATORS.isEmpty(set()))).toBe(true)
    expect(shown(UNARY_OPERATORS.isEmpty(set(whole(1n))))).toBe(false)
  })
})

describe('an attribute', () => {
  const get = (value: Value, name: string) => shown(attribute(value, name, entities))

  it('is of a record, or of an entity that is known', () => {
    expect(get(fields({ a: whole(1n) }), 'a')).toBe(1n)
    expect(get(fields({ a: whole(1n) }), 'b')).toBe('attribute')
    expect(get(ANA, 'name')).toBe('Ana')
    expect(get(ANA, 'team')).toBe('attribute')
    expect(get(BOB, 'name')).toBe('entity')
    expect(get(UNKNOWN, 'name')).toBe('unknown')
    for (const kind of KINDS.filter((each) => !['record', 'entity', 'unknown'].includes(each)))
      expect([kind, get(of(kind), 'a')]).toEqual([kind, 'type'])
  })

  const asks = (value: Value, ...path: readonly string[]) => shown(has(value, path, entities))

  it('is there or not, also below others, and an error below what can have none', () => {
    expect(asks(ANA, 'name')).toBe(true)
    expect(asks(ANA, 'nothing')).toBe(false)
    expect(asks(BOB, 'name')).toBe(false)
    expect(asks(ANA, 'home', 'city')).toBe(true)
    expect(asks(ANA, 'home', 'street')).toBe(false)
    expect(asks(ANA, 'nothing', 'city')).toBe(false)
    expect(asks(ANA, 'name', 'first')).toBe('type')
    expect(asks(OPEN, 'a')).toBe(true)
    expect(asks(OPEN, 'a', 'b')).toBe('unknown')
    expect(asks(UNKNOWN, 'a')).toBe('unknown')
    for (const kind of KINDS.filter((each) => !['record', 'entity', 'unknown'].includes(each)))
      expect([kind, asks(of(kind), 'a')]).toEqual([kind, 'type'])
  })

  it('is named in what is said of it', () => {
    const says = (outcome: Outcome) => (outcome.kind === 'failure' ? outcome.says : outcome.kind)
    expect(says(attribute(fields({}), 'b', entities))).toBe('the record has no attribute "b"')
    expect(says(attribute(ANA, 'b', entities))).toBe('User::"ana" has no attribute "b"')
    expect(says(attribute(BOB, 'b', entities))).toBe('User::"bob" is not known')
    expect(says(attribute(text('x'), 'b', entities))).toBe('.b needs a record or entity, not a string')
    expect(says(BINARY_OPERATORS.getTag(ANA, text('b'), entities))).toBe('User::"ana" has no tag "b"')
    expect(says(BINARY_OPERATORS.getTag(BOB, text('b'), entities))).toBe('User::"bob" is not known')
    expect(says(BINARY_OPERATORS['+'](whole(1n), text('x'), entities))).toBe('+ needs a long, not a string')
    expect(says(BINARY_OPERATORS['<'](whole(1n), at(1n), entities))).toBe('< needs a long, not a datetime')
    expect(says(BINARY_OPERATORS['<'](text('x'), at(1n), entities))).toBe(
      '< needs a long, datetime or duration, not a string',
    )
    expect(says(BINARY_OPERATORS['+'](whole(2n ** 63n - 1n), whole(1n), entities))).toBe(
      '9223372036854775808 is beyond 64 bits',
    )
  })
})
