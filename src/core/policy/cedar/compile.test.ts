import { describe, expect, it, test } from 'vitest'
import { compile } from './compile.ts'
import { readsOfContext } from './context-read.ts'
import { buildEntities, NO_ENTITIES } from './entities.ts'
import type { Json } from './json.ts'
import { preparePolicy } from './policy.ts'
import { readExpression } from './read-expression.ts'
import { literal } from './render.ts'
import { entityUid, record, text, type Value } from './value.ts'

const val = (json: Json): Json => ({ Value: json })
const entity = (type: string, id: string): Json => val({ __entity: { type, id } })
const ANA = entity('User', 'ana')
const STAFF = entity('Group', 'staff')
const CONTEXT: Json = { Var: 'context' }
const attr = (left: Json, name: string): Json => ({ '.': { left, attr: name } })
const has = (left: Json, ...path: readonly string[]): Json => ({ has: { left, attr: path } })
const two = (op: string, left: Json, right: Json): Json => ({ [op]: { left, right } })

const built = buildEntities([
  {
    uid: entityUid('User', 'ana'),
    parents: [entityUid('Group', 'staff')],
    attrs: new Map([['name', text('Ana')]]),
    tags: new Map([['team', text('blue')]]),
  },
])
if (!built.ok) throw new Error(built.error.says)
const known = built.value

function runOf(json: Json) {
  const read = readExpression(json)
  if (!read.ok) throw new Error(read.error.says)
  return compile(read.value)
}
const asked = (context: ReadonlyMap<string, Value> = new Map()) => ({
  principal: entityUid('User', 'ana'),
  action: entityUid('Action', 'read'),
  resource: entityUid('Doc', '1'),
  context: record(context),
})

describe('what is written whole in a policy', () => {
  test.each<[string, Json, string]>([
    ['in a group', two('in', ANA, STAFF), 'true'],
    ['in a set of groups', two('in', ANA, { Set: [STAFF] }), 'true'],
    ['a tag that is there', two('hasTag', ANA, val('team')), 'true'],
    ['a tag', two('getTag', ANA, val('team')), '"blue"'],
    ['an attribute that is there', has(ANA, 'name'), 'true'],
    ['an attribute', attr(ANA, 'name'), '"Ana"'],
    ['is in', { is: { left: ANA, entity_type: 'User', in: STAFF } }, 'true'],
  ])('still asks the entities that a request comes with: %s', (_name, json, expected) => {
    const run = runOf(json)
    const outcome = run(asked(), known)
    expect(outcome.kind === 'failure' ? outcome.says : literal(outcome)).toBe(expected)
    // Without them it is otherwise, so nothing was decided before there was a request.
    const nobody = run(asked(), NO_ENTITIES)
    expect(nobody.kind === 'failure' ? nobody.says : literal(nobody)).not.toBe(expected)
  })

  test.each<[string, Json]>([
    ['a set', { Set: [val(1), val(2)] }],
    ['a record', { Record: { a: val(1) } }],
    ['a call', { ip: [val('::1')] }],
    ['an operator', two('+', val(1), val(2))],
    ['a failure', two('+', val(1), val('x'))],
    ['a negation', { neg: { arg: val(5) } }],
  ])('is computed once, where it needs no entities: %s', (_name, json) => {
    const run = runOf(json)
    expect(run(asked(), NO_ENTITIES)).toBe(run(asked(new Map([['a', text('x')]])), known))
  })

  it('is computed for each request where it reads one', () => {
    const run = runOf({ Set: [attr(CONTEXT, 'a'), val(1)] })
    const outcomes = ['x', 'y'].map((a) => run(asked(new Map([['a', text(a)]])), NO_ENTITIES))
    expect(outcomes.map((outcome) => (outcome.kind === 'failure' ? outcome.says : literal(outcome)))).toEqual(
      ['["x", 1]', '["y", 1]'],
    )
  })
})

describe('what a policy reads of the context', () => {
  const input = attr(CONTEXT, 'input')
  test.each<[string, Json, boolean]>([
    ['its attribute', input, true],
    ['something below it', attr(input, 'a'), true],
    ['whether it is there', has(CONTEXT, 'input'), true],
    ['whether something below it is there', has(CONTEXT, 'input', 'a'), true],
    ['whether something of it is there', has(input, 'a'), true],
    ['the whole context', two('==', CONTEXT, { Record: {} }), true],
    ['another attribute', attr(CONTEXT, 'agent'), false],
    ['whether another is there', has(CONTEXT, 'agent', 'input'), false],
    ['an attribute of that name of somebody', attr({ Var: 'principal' }, 'input'), false],
    ['whether somebody has one of that name', has({ Var: 'principal' }, 'input'), false],
    ['an attribute of that name of a record', attr({ Record: { input: val(1) } }, 'input'), false],
    ['the principal', two('==', { Var: 'principal' }, ANA), false],
    ['nothing', val(true), false],
    ['it, deep inside', { Set: [val(1), { '!': { arg: two('==', val(1), input) } }] }, true],
  ])('%s', (_name, body, expected) => {
    const all = { op: 'All' }
    const scope = { effect: 'permit', principal: all, action: all, resource: all }
    const clauses = (...bodies: readonly Json[]) => bodies.map((each) => ({ kind: 'when', body: each }))
    for (const conditions of [clauses(body), clauses(val(true), body), clauses(two('&&', val(true), body))]) {
      const policy = preparePolicy('p', { ...scope, conditions })
      if (!policy.ok) throw new Error(policy.error.says)
      expect(readsOfContext(policy.value, 'input')).toBe(expected)
    }
  })
})

test('entities that can not be are refused by their names', () => {
  const uid = entityUid('E', 'a')
  expect(buildEntities([{ uid }, { uid }])).toMatchObject({ error: { says: 'E::"a" is given twice' } })
  expect(buildEntities([{ uid, parents: [uid] }])).toMatchObject({
    error: { says: 'E::"a" is an ancestor of itself' },
  })
})

test('an entity that two others are below is closed once, and is no cycle', () => {
  const [top, left, right, low] = ['top', 'left', 'right', 'low'].map((id) => entityUid('E', id))
  if (!top || !left || !right || !low) throw new Error('no entities')
  const store = buildEntities([
    { uid: low, parents: [left, right] },
    { uid: left, parents: [top] },
    { uid: right, parents: [top] },
    { uid: top },
  ])
  if (!store.ok) throw new Error(store.error.says)
  expect([...(store.value.get(low.key)?.ancestors ?? [])].sort()).toEqual(
    [left.key, right.key, top.key].sort(),
  )
  expect([...(store.value.get(top.key)?.ancestors ?? [])]).toEqual([])
})
