import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildEntities } from './entities.ts'
import { fromCedarJson } from './from-json.ts'
import { preparePolicy } from './policy.ts'
import { entitiesJson, entitiesNamed, fieldsJson, toCedarJson, uidJson } from './to-json.ts'
import {
  type EntityUid,
  entityUid,
  equal,
  isOpen,
  keyOf,
  type RecordValue,
  record,
  setOf,
  text,
  UNKNOWN,
  type Value,
} from './value.ts'

/** Text that looks like what it is not: parts of keys, quotes, lengths. */
const TEXTS = ['', 'a', '1:a', 'T', '?', 'a"b', 'A::"a"', '\\', '\u2028', '__proto__', 'é', '\u0000', ' ']
const anyText = fc
  .oneof(fc.constantFrom(...TEXTS), fc.string({ unit: 'binary' }))
  .filter((each) => each.isWellFormed())
const bigger = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const small = fc.oneof(fc.constantFrom(0n, 1n, -1n, 10n), bigger)

const { value: anyValue } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.boolean().map((value): Value => ({ kind: 'bool', value })),
    small.map((value): Value => ({ kind: 'long', value })),
    anyText.map(text),
    fc.tuple(fc.constantFrom('A', 'B', 'A::B'), anyText).map(([type, id]): Value => entityUid(type, id)),
    fc
      .tuple(fc.constantFrom('decimal', 'datetime', 'duration'), small)
      .map(([kind, value]) => ({ kind, value }) as Value),
    fc
      .record({
        version: fc.constantFrom(4, 6),
        address: fc.nat(300).map(BigInt),
        prefix: fc.integer({ min: 1, max: 32 }),
      })
      .map((ip) => ({ kind: 'ipaddr', ...ip }) as Value),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => setOf(items)),
    fc
      .dictionary(fc.constantFrom(...TEXTS.filter((name) => name !== '__proto__')), tie('value'), {
        maxKeys: 3,
      })
      .map((fields) => record(new Map(Object.entries(fields)))),
  ),
}))

function holds<T>(arbitrary: fc.Arbitrary<T>, check: (value: T) => void): void {
  fc.assert(fc.property(arbitrary, check), { numRuns: 1000 })
}

describe('values', () => {
  test('have one key each: the same for equal ones, another for others', () => {
    holds(fc.tuple(anyValue, anyValue), ([left, right]) => {
      expect(keyOf(left) === keyOf(right)).toBe(equal(left, right))
      expect(equal(left, left)).toBe(true)
      expect(equal(right, left)).toBe(equal(left, right))
    })
  })

  test('of two truths are two', () => {
    const [yes, no]: readonly Value[] = [
      { kind: 'bool', value: true },
      { kind: 'bool', value: false },
    ]
    if (yes === undefined || no === undefined) throw new Error('no truth')
    expect([keyOf(yes), keyOf(no), equal(yes, no)]).toEqual(['T', 'F', false])
    expect(setOf([yes, no, yes])).toMatchObject({
      items: new Map([
        ['T', yes],
        ['F', no],
      ]),
    })
  })

  test('in a set are there once, in whatever order they came', () => {
    holds(fc.array(anyValue, { maxLength: 5 }), (items) => {
      const set = setOf(items)
      expect(equal(set, setOf([...items].reverse()))).toBe(true)
      expect(keyOf(setOf([...items, ...items]))).toBe(keyOf(set))
    })
    const first = text('a')
    expect(setOf([first, text('a')])).toEqual({ kind: 'set', items: new Map([['1:a', first]]) })
  })

  test('that are not known are equal to nothing, not to themselves either', () => {
    expect(equal(UNKNOWN, UNKNOWN)).toBe(false)
    expect(equal(UNKNOWN, text('a'))).toBe(false)
    expect(keyOf(UNKNOWN)).toBe('?')
    expect([UNKNOWN, record(new Map([['a', UNKNOWN]])), record(new Map()), text('a')].map(isOpen)).toEqual([
      ...[true, true, false, false],
    ])
  })

  test('of records with other names are not equal, be they as many', () => {
    const of = (name: string) => record(new Map([[name, text('x')]]))
    expect(equal(of('a'), of('b'))).toBe(false)
    expect(equal(of('a'), record(new Map()))).toBe(false)
    expect(equal(of('a'), setOf([text('x')]))).toBe(false)
  })

  test('that are entities are known by one spelling of their type and id, whatever the id holds', () => {
    holds(anyText, (id) => {
      expect(entityUid('A', id).key).toBe(`A::${JSON.stringify(id)}`)
    })
    for (const id of TEXTS) expect(entityUid('A', id).key).toBe(`A::${JSON.stringify(id)}`)
    expect(entityUid('A', 'a\n').key).toBe('A::"a\\n"')
  })
})

describe("written in Cedar's own form", () => {
  test('a value is read as the same value again', () => {
    holds(anyValue, (value) => {
      const again = fromCedarJson(toCedarJson(value))
      expect(again.ok && keyOf(again.value)).toBe(keyOf(value))
    })
  })
  test.each([
    ['0.0.0.1/32', 4, 1n, 32],
    ['10.0.0.0/8', 4, 167_772_160n, 8],
    ['0:0:0:0:0:0:0:1/128', 6, 1n, 128],
  ] as const)('an address is written with its range: %s', (arg, version, address, prefix) => {
    const value: Value = { kind: 'ipaddr', version, address, prefix }
    const again = fromCedarJson(toCedarJson(value))
    expect(again).toEqual({ ok: true, value })
    expect(toCedarJson(value)).toMatchObject({ __extn: { fn: 'ip' } })
    expect(fromCedarJson({ __extn: { fn: 'ip', arg } })).toEqual({ ok: true, value })
  })
  test('what is not known can not be written, and is left out of a record', () => {
    expect(() => toCedarJson(UNKNOWN)).toThrow('an unknown has no JSON form')
    const fields = new Map<string, Value>([
      ['known', text('x')],
      ['input', UNKNOWN],
    ])
    expect(fieldsJson(fields)).toEqual({ known: 'x' })
    expect(uidJson(entityUid('A', 'b'))).toEqual({ type: 'A', id: 'b' })
  })
})

describe('the entities that a question can touch', () => {
  const uid = (name: string) => entityUid('E', name)
  const pointing = (...names: readonly string[]): Value => setOf(names.map(uid))
  const built = buildEntities([
    { uid: uid('ana'), parents: [uid('staff')], attrs: new Map([['boss', uid('lee')]]) },
    { uid: uid('staff'), parents: [uid('all')], tags: new Map([['owner', uid('dana')]]) },
    { uid: uid('all') },
    { uid: uid('lee'), attrs: new Map([['with', record(new Map([['friends', pointing('bob', 'ana')]]))]]) },
    { uid: uid('dana') },
    { uid: uid('bob'), parents: [uid('away')] },
    { uid: uid('stranger'), attrs: new Map([['boss', uid('ana')]]) },
    { uid: entityUid('E', 'a"b\\'), parents: [entityUid('NS::E', 'x::"y"')] },
    { uid: entityUid('NS::E', 'x::"y"') },
  ])
  if (!built.ok) throw new Error(built.error.says)
  const store = built.value
  const empty = record(new Map())
  const touched = (named: readonly EntityUid[], context: RecordValue = empty) =>
    entitiesJson(store, named, context)
      .map((each) => (each as { uid: { type: string; id: string } }).uid)
      .map(({ type, id }) => (type === 'E' ? id : `${type} ${id}`))
      .sort()

  test.each<[string, readonly string[], readonly string[]]>([
    ['nobody', [], []],
    ['somebody with nobody behind', ['dana'], ['dana']],
    ['somebody unknown', ['nobody'], []],
    ['all above and behind, and behind those', ['ana'], ['all', 'ana', 'bob', 'dana', 'lee', 'staff']],
    ['what is in sets and records', ['lee'], ['all', 'ana', 'bob', 'dana', 'lee', 'staff']],
    ['nobody who only points here', ['all'], ['all']],
    ['each once', ['bob', 'bob', 'dana'], ['bob', 'dana']],
    ['what quotes and escapes name', ['a"b\\'], ['NS::E x::"y"', 'a"b\\']],
  ])('are %s', (_what, names, expected) => {
    expect(touched(names.map(uid))).toEqual(expected)
  })

  test('are those that the context names too', () => {
    const inside = record(
      new Map<string, Value>([
        ['users', pointing('bob')],
        ['agent', uid('dana')],
      ]),
    )
    expect(touched([], record(new Map([['input', inside]])))).toEqual(['bob', 'dana'])
  })

  test('are written with attributes, tags and all above them', () => {
    const one = (name: string) =>
      entitiesJson(store, [uid(name)], empty).find(
        (each) => (each as { uid: { id: string } }).uid.id === name,
      )
    expect(one('ana')).toEqual({
      ...{ uid: { type: 'E', id: 'ana' }, tags: {} },
      attrs: { boss: { __entity: { type: 'E', id: 'lee' } } },
      parents: [
        { type: 'E', id: 'staff' },
        { type: 'E', id: 'all' },
      ],
    })
    expect(one('staff')).toMatchObject({ tags: { owner: { __entity: { type: 'E', id: 'dana' } } } })
  })
})

test('the entities that a policy names are those of its scope and of its clauses, wherever they stand', () => {
  const uid = (id: string) => ({ type: 'E', id })
  const literal = (id: string) => ({ Value: { __entity: uid(id) } })
  const est = {
    effect: 'permit',
    principal: { op: 'is', entity_type: 'E', in: { entity: uid('p') } },
    action: { op: 'in', entities: [uid('a1'), uid('a2')] },
    resource: { op: '==', entity: uid('r') },
    conditions: [
      {
        kind: 'when',
        body: {
          '&&': {
            left: { '==': { left: { Var: 'principal' }, right: literal('c1') } },
            right: { Value: true },
          },
        },
      },
      {
        kind: 'unless',
        body: { contains: { left: { Value: [{ __entity: uid('c2') }] }, right: { Var: 'resource' } } },
      },
      {
        kind: 'unless',
        body: { '==': { left: { Value: { f: { __entity: uid('c3') } } }, right: { Var: 'context' } } },
      },
    ],
  }
  const names = (json: object) => {
    const policy = preparePolicy('p', json as Parameters<typeof preparePolicy>[1])
    if (!policy.ok) throw new Error(policy.error.says)
    return entitiesNamed(policy.value).map(({ id }) => id)
  }
  expect(names(est).sort()).toEqual(['a1', 'a2', 'c1', 'c2', 'c3', 'p', 'r'])
  const open = { op: 'All' }
  const bare = { ...est, action: open, resource: open, conditions: [] }
  expect(names({ ...bare, principal: open })).toEqual([])
  expect(names({ ...bare, principal: { op: 'is', entity_type: 'E' } })).toEqual([])
})
