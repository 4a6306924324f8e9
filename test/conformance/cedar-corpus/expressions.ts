import fc from 'fast-check'
import type { Json } from '../../../src/core/policy/cedar/json.ts'

/** Generated Cedar, in its JSON form: mostly well typed, so that it gets somewhere, and sometimes not. */

type Type =
  | 'bool'
  | 'long'
  | 'string'
  | 'entity'
  | 'set'
  | 'record'
  | 'decimal'
  | 'ip'
  | 'datetime'
  | 'duration'

export const EDGES = [
  0n,
  1n,
  -1n,
  2n,
  7n,
  9_007_199_254_740_993n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  4_611_686_018_427_387_904n,
]
export const NAMES = ['a', 'b', '__proto__', 'constructor', 'x y', 'ä']
export const TEXTS = ['', 'a', 'ab', 'aXb', '*', 'a*b', '😀', '"\\\n', 'constructor']
export const DECIMALS = ['0.0', '1.5', '-1.5', '1.5000', '12.3456', '922337203685477.5807', '-0.5', '00001.5']
const NO_DECIMALS = ['1.23456', '1', '.5', '922337203685477.5808', '1e2']
export const IPS = [
  ...[
    '10.0.0.1',
    '10.0.0.0/8',
    '10.1.0.0/16',
    '127.0.0.1',
    '127.0.0.1/7',
    '224.0.0.1',
    '0.0.0.0/0',
    '1.2.3.4/32',
  ],
  ...['::1', '::1/127', 'ff00::1', 'ff00::/7', '::/0', '1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:8', 'FE80::A/64'],
]
const NO_IPS = [
  ...[
    '1.2.3',
    '01.2.3.4',
    '1.2.3.4/33',
    '1.2.3.4/08',
    '::1/129',
    '1::2::3',
    '1:2:3:4:5:6:7:8::',
    '',
    '::ffff:1.2.3.4',
  ],
  ...['1.2.3.256', '12345::', ':1', '1:', '1.2.3.4/', '::%eth0', ' 1.2.3.4', '٣.2.3.4'],
]
export const DATETIMES = [
  ...['2024-10-15', '1970-01-01', '0000-01-01', '9999-12-31T23:59:59.999Z', '2024-02-29'],
  ...[
    '2024-10-15T11:38:02Z',
    '2024-10-15T11:38:02.101-1134',
    '1969-12-31T23:59:59.999Z',
    '2024-10-15T00:00:00+2359',
  ],
]
const NO_DATETIMES = [
  ...[
    '2024-10-15T11:38:02+2400',
    '2024-10-15T24:00:00Z',
    '2023-02-29',
    '2024-10-15T11:38:02',
    '2024-10-15T11:38:60Z',
  ],
  ...['2024-13-01', '2024-10-15Z', '2024-10-15T11:38:02.1Z', '2024-10-15T11:38:02+0060', '', '2024-10-15\n'],
]
export const DURATIONS = [
  ...['0ms', '1d', '-1d', '1h30m', '-1ms', '9223372036854775807ms', '-9223372036854775808ms'],
  ...['1d2h3m4s5ms', '106751991167d', '25h', '-90061001ms', '000000000000000000000000001s'],
]
const NO_DURATIONS = ['9223372036854775808ms', '1s1m', '', '-', '1d1d', '106751991168d', '1.5s', '1', '1d\n']
const UIDS = [
  { type: 'User', id: 'ana' },
  { type: 'User', id: 'bob' },
  { type: 'Group', id: 'staff' },
  { type: 'Group', id: 'all' },
  { type: 'NS::User', id: 'ana' },
  { type: 'User', id: 'nobody' },
]

type Arb = fc.Arbitrary<Json>
type Make = (type: Type, depth: number) => Arb

const value = (json: Json): Json => ({ Value: json })
const pick = (items: readonly Json[]): Arb => fc.constantFrom(...items.map(value))
/** Good texts mostly; a bad one is an error, and ends what is around it. */
const fn = (name: string, good: readonly string[], bad: readonly string[]): Arb =>
  fc
    .oneof(
      { weight: 12, arbitrary: fc.constantFrom(...good) },
      { weight: 1, arbitrary: fc.constantFrom(...bad) },
    )
    .map((arg) => ({ [name]: [value(arg)] }))
const variable = (name: string): Json => ({ Var: name })

const LEAVES: Readonly<Record<Type, Arb>> = {
  bool: pick([true, false]),
  long: fc.oneof(pick(EDGES), attr('context', 'n')),
  string: fc.oneof(pick(TEXTS), attr('principal', 'name')),
  entity: fc.oneof(
    pick(UIDS.map((uid) => ({ __entity: uid }))),
    fc.constantFrom('principal', 'action', 'resource').map(variable),
  ),
  set: fc.oneof(fc.constant<Json>({ Set: [] }), attr('context', 'set'), attr('principal', 'groups')),
  record: fc.oneof(
    fc.constant(variable('context')),
    attr('context', 'rec'),
    fc.constant<Json>({ Record: {} }),
  ),
  decimal: fn('decimal', DECIMALS, NO_DECIMALS),
  ip: fn('ip', IPS, NO_IPS),
  datetime: fn('datetime', DATETIMES, NO_DATETIMES),
  duration: fn('duration', DURATIONS, NO_DURATIONS),
}
const TYPES = Object.keys(LEAVES) as Type[]

function attr(of: string, name: string): Arb {
  return fc.constant<Json>({ '.': { left: variable(of), attr: name } })
}

function sides(op: string, left: Arb, right: Arb): Arb {
  return fc.record({ left, right }).map((both) => ({ [op]: both }))
}

function method(name: string, ...args: Arb[]): Arb {
  return fc.tuple(...args).map((list) => ({ [name]: list }))
}

function anything(make: Make, depth: number): Arb {
  return fc.constantFrom(...TYPES).chain((type) => make(type, depth))
}

const PATTERN = fc.array(
  fc.oneof(
    fc.constant<Json>('Wildcard'),
    fc.constantFrom('a', 'b', 'X', '*', '😀').map((Literal) => ({ Literal })),
  ),
  {
    maxLength: 4,
  },
)

function bools(make: Make, d: number): Arb[] {
  const any = anything(make, d)
  const [bool, entity, set] = [make('bool', d), make('entity', d), make('set', d)]
  const ordered = fc.constantFrom<Type>('long', 'datetime', 'duration')
  const comparison = ['<', '<=', '>', '>='].map((op) =>
    ordered.chain((type) => sides(op, make(type, d), make(type, d))),
  )
  const equality = ['==', '!='].map((op) =>
    fc
      .constantFrom(...TYPES)
      .chain((type) => sides(op, make(type, d), fc.oneof({ weight: 5, arbitrary: make(type, d) }, any))),
  )
  const decimals = ['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual']
  const unaryIp = ['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast']
  const holder = fc.oneof(entity, make('record', d))
  const names = fc.oneof(
    fc.constantFrom<Json>(...NAMES, 'n', 'rec', 'name'),
    fc.constant<Json>(['rec', 'a']),
    fc.constant<Json>(['a', 'b']),
  )
  return [
    ...['&&', '||'].map((op) => sides(op, bool, fc.oneof({ weight: 6, arbitrary: bool }, any))),
    bool.map((arg) => ({ '!': { arg } })),
    ...comparison,
    ...equality,
    sides(
      'in',
      entity,
      fc.oneof(
        entity,
        fc.array(entity, { maxLength: 3 }).map((items) => ({ Set: items })),
        set,
      ),
    ),
    sides('contains', set, any),
    ...['containsAll', 'containsAny'].map((op) => sides(op, set, set)),
    set.map((arg) => ({ isEmpty: { arg } })),
    sides('hasTag', entity, make('string', d)),
    fc.record({ left: holder, attr: names }).map((has) => ({ has })),
    fc.record({ left: make('string', d), pattern: PATTERN }).map((like) => ({ like })),
    fc
      .record({ left: entity, entity_type: fc.constantFrom('User', 'NS::User', 'Group') })
      .map((is) => ({ is })),
    fc.record({ left: entity, entity_type: fc.constant('User'), in: entity }).map((is) => ({ is })),
    ...decimals.map((name) => method(name, make('decimal', d), make('decimal', d))),
    ...unaryIp.map((name) => method(name, make('ip', d))),
    method('isInRange', make('ip', d), make('ip', d)),
  ]
}

function branches(type: Type, make: Make, d: number): Arb[] {
  const any = anything(make, d)
  const duration = make('duration', d)
  const datetime = make('datetime', d)
  switch (type) {
    case 'bool':
      return bools(make, d)
    case 'long': {
      const units = ['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays']
      const long = make('long', d)
      return [
        ...['+', '-', '*'].map((op) => sides(op, long, long)),
        long.map((arg) => ({ neg: { arg } })),
        ...units.map((name) => method(name, duration)),
      ]
    }
    case 'string':
      return [sides('getTag', make('entity', d), make('string', d))]
    case 'entity':
      return [attr('resource', 'owner')]
    case 'set':
      return [fc.array(any, { maxLength: 3 }).map((items) => ({ Set: items }))]
    case 'record':
      return [
        fc
          .dictionary(fc.constantFrom(...NAMES), any, { maxKeys: 3 })
          .map((fields) => ({ Record: sorted(fields) })),
      ]
    case 'datetime':
      return [method('offset', datetime, duration), method('toDate', datetime)]
    case 'duration':
      return [method('durationSince', datetime, datetime), method('toTime', datetime)]
    default:
      return []
  }
}

function ifThenElse(parts: readonly Json[]): Json {
  const names = ['if', 'then', 'else']
  return { 'if-then-else': Object.fromEntries(names.map((name, index) => [name, parts[index] ?? null])) }
}

/** Cedar prints records by the order of their keys. */
function sorted(fields: { readonly [key: string]: Json }): Json {
  return Object.fromEntries(Object.entries(fields).sort(([left], [right]) => (left < right ? -1 : 1)))
}

function make(type: Type, depth: number): Arb {
  const leaf = LEAVES[type]
  if (depth <= 0) return leaf
  const choice = fc
    .tuple(make('bool', depth - 2), make(type, depth - 2), make(type, depth - 2))
    .map(ifThenElse)
  const field = fc
    .record({ left: make('record', depth - 2), attr: fc.constantFrom(...NAMES) })
    .map((get) => ({ '.': get }))
  const nested = branches(type, make, depth - 1)
  const wrongCount = method(type === 'ip' ? 'ip' : 'toDate', LEAVES.string, LEAVES.string)
  return fc.oneof(
    { weight: 3, arbitrary: leaf },
    { weight: 12, arbitrary: nested.length === 0 ? leaf : fc.oneof(...nested) },
    { weight: 1, arbitrary: choice },
    { weight: 1, arbitrary: fc.oneof(field, wrongCount) },
  )
}

/** A condition so many levels deep. */
export function conditionOf(depth: number): Arb {
  return make('bool', depth)
}

/** A condition three levels deep. */
export const CONDITION: Arb = conditionOf(3)

/** Few forbids: one that holds hides which permits held. */
const EFFECT = fc.oneof(
  { weight: 12, arbitrary: fc.constant('permit') },
  { weight: 1, arbitrary: fc.constant('forbid') },
)
const ENTITY = fc.constantFrom(...UIDS)
const PARTY: Arb = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Json>({ op: 'All' }) },
  ENTITY.map((entity) => ({ op: '==', entity })),
  ENTITY.map((entity) => ({ op: 'in', entity })),
  fc.constant<Json>({ op: 'is', entity_type: 'User' }),
  ENTITY.map((entity) => ({ op: 'is', entity_type: 'User', in: { entity } })),
)
const ACTIONS = ['read', 'write', 'any'].map((id) => ({ type: 'Action', id }))
const ACTION: Arb = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Json>({ op: 'All' }) },
  fc.constantFrom(...ACTIONS).map((entity) => ({ op: '==', entity })),
  fc.subarray(ACTIONS).map((entities) => ({ op: 'in', entities })),
)
const CLAUSE: Arb = fc.record({ kind: fc.constantFrom('when', 'unless'), body: CONDITION })

/** A policy in the JSON form, with up to two clauses. */
export const POLICY: Arb = policyWith(CLAUSE)

export function policyWith(clause: Arb): Arb {
  return fc.record({
    effect: EFFECT,
    principal: PARTY,
    action: ACTION,
    resource: PARTY,
    conditions: fc.array(clause, { minLength: 1, maxLength: 2 }),
  })
}

const CONTEXT: Arb = fc.record({
  n: fc.constantFrom(...EDGES),
  set: fc.array(fc.constantFrom<Json>(1n, true, 'a', { __entity: { type: 'User', id: 'ana' } }), {
    maxLength: 3,
  }),
  rec: fc.dictionary(fc.constantFrom(...NAMES), fc.constantFrom<Json>(1n, 'a', []), { maxKeys: 3 }),
})

export const REQUEST = fc.record({
  principal: ENTITY,
  action: fc.constantFrom(...ACTIONS),
  resource: ENTITY,
  context: CONTEXT,
})

const STAFF = { type: 'Group', id: 'staff' }
const ALL = { type: 'Group', id: 'all' }
const ANA = { type: 'User', id: 'ana' }

/** What is known: `User::"nobody"` and `NS::User::"ana"` are not. */
export const ENTITIES: readonly Json[] = [
  {
    uid: ANA,
    attrs: { name: 'ana', groups: [{ __entity: STAFF }], owner: { __entity: ANA } },
    parents: [STAFF],
    tags: { a: 'b' },
  },
  { uid: { type: 'User', id: 'bob' }, attrs: { name: 'a*b', groups: ['a'], a: { b: 1n } }, parents: [] },
  { uid: STAFF, attrs: { owner: { __entity: ANA } }, parents: [ALL], tags: { '': 'x' } },
  { uid: ALL, attrs: {}, parents: [] },
  { uid: { type: 'Action', id: 'read' }, attrs: {}, parents: [{ type: 'Action', id: 'any' }] },
]
