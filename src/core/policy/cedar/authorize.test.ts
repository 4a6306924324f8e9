import { expect, test } from 'vitest'
import { authorize, evaluatePolicy } from './authorize.ts'
import { buildEntities, NO_ENTITIES } from './entities.ts'
import { explainPolicy } from './explain.ts'
import type { Json } from './json.ts'
import { type CedarPolicy, preparePolicy } from './policy.ts'
import { entityUid, record, setOf, text, UNKNOWN, type Value } from './value.ts'

const ANA = entityUid('User', 'ana')
const value = (json: Json): Json => ({ Value: json })
const TRUE = value(true)
const FALSE = value(false)
const CONTEXT: Json = { Var: 'context' }
const attr = (left: Json, name: string): Json => ({ '.': { left, attr: name } })
const sides = (op: string, left: Json, right: Json): Json => ({ [op]: { left, right } })
const INPUT = attr(CONTEXT, 'input')
/** Fails at run time: there is no such attribute. */
const BROKEN = attr(CONTEXT, 'nothing')

type Parts = { readonly effect?: string; readonly principal?: Json; readonly unless?: Json }

function policy(id: string, when: Json, parts: Parts = {}): CedarPolicy {
  const unless = parts.unless === undefined ? [] : [{ kind: 'unless', body: parts.unless }]
  const all = { op: 'All' }
  const est = {
    effect: parts.effect ?? 'permit',
    principal: parts.principal ?? all,
    action: all,
    resource: all,
    conditions: [{ kind: 'when', body: when }, ...unless],
  }
  const prepared = preparePolicy(id, est)
  if (!prepared.ok) throw new Error(prepared.error.says)
  return prepared.value
}

const forbid = (id: string, when: Json): CedarPolicy => policy(id, when, { effect: 'forbid' })

function ask(context: ReadonlyMap<string, Value> = new Map()) {
  return {
    principal: ANA,
    action: entityUid('Action', 'read'),
    resource: entityUid('Doc', '1'),
    context: record(context),
  }
}

test('nothing permits, so it is denied, and nobody determined it', () => {
  expect(authorize([policy('p', FALSE)], ask(), NO_ENTITIES)).toEqual({
    decision: 'deny',
    determining: [],
    erroring: [],
  })
})

test('one forbid outweighs every permit, and only the forbids determine', () => {
  const answer = authorize([policy('p', TRUE), forbid('f', TRUE), policy('q', TRUE)], ask(), NO_ENTITIES)
  expect(answer).toEqual({ decision: 'deny', determining: ['f'], erroring: [] })
})

test('a policy that errs is skipped as in Cedar, and listed so that a Decision can deny', () => {
  const answer = authorize([policy('p', TRUE), forbid('f', BROKEN)], ask(), NO_ENTITIES)
  expect(answer).toEqual({ decision: 'allow', determining: ['p'], erroring: ['f'] })
})

test('a clause that is no true or false is an error', () => {
  expect(evaluatePolicy(policy('p', value(1)), ask(), NO_ENTITIES)).toMatchObject({
    error: { reason: 'type' },
  })
  const unless = policy('p', TRUE, { unless: value('x') })
  expect(evaluatePolicy(unless, ask(), NO_ENTITIES)).toMatchObject({ error: { reason: 'type' } })
})

test('the scope comes first: what misses it can not err', () => {
  const other = policy('p', BROKEN, { principal: { op: '==', entity: { type: 'User', id: 'bob' } } })
  expect(evaluatePolicy(other, ask(), NO_ENTITIES)).toBe('unsatisfied')
})

test('an entity is within itself and its ancestors', () => {
  const built = buildEntities([{ uid: ANA, parents: [entityUid('Group', 'staff')] }])
  const scope = { op: 'is', entity_type: 'User', in: { entity: { type: 'Group', id: 'staff' } } }
  const staff = policy('p', TRUE, { principal: scope })
  expect(built.ok && evaluatePolicy(staff, ask(), built.value)).toBe('satisfied')
  expect(evaluatePolicy(staff, ask(), NO_ENTITIES)).toBe('unsatisfied')
})

const LISTED = ask(
  new Map<string, Value>([
    ['input', UNKNOWN],
    ['conditions', setOf([text('healthy')])],
  ]),
)
const MAYBE = sides('==', attr(INPUT, 'id'), value('x'))

test.each<[string, Json, string]>([
  ['an unknown', MAYBE, 'unknown'],
  ['false && unknown', sides('&&', FALSE, MAYBE), 'unsatisfied'],
  ['unknown && false', sides('&&', MAYBE, FALSE), 'unsatisfied'],
  ['unknown && true', sides('&&', MAYBE, TRUE), 'unknown'],
  ['true || unknown', sides('||', TRUE, MAYBE), 'satisfied'],
  ['unknown || true', sides('||', MAYBE, TRUE), 'satisfied'],
  ['unknown || false', sides('||', MAYBE, FALSE), 'unknown'],
  ['unknown && an error', sides('&&', MAYBE, BROKEN), 'unknown'],
  ['!(unknown && an error)', { '!': { arg: sides('&&', MAYBE, BROKEN) } }, 'unknown'],
  ['!unknown', { '!': { arg: MAYBE } }, 'unknown'],
  ['unknown < 1', sides('<', attr(INPUT, 'n'), value(1)), 'unknown'],
  ['a set with an unknown', sides('contains', { Set: [INPUT] }, value(1)), 'unknown'],
  ['a known part of a record with an unknown', attr({ Record: { a: TRUE, b: INPUT } }, 'a'), 'satisfied'],
  ['context == {}', sides('==', CONTEXT, { Record: {} }), 'unknown'],
  ['context has input', { has: { left: CONTEXT, attr: 'input' } }, 'satisfied'],
  ['context has input.id', { has: { left: CONTEXT, attr: ['input', 'id'] } }, 'unknown'],
  ['if unknown then false else false', { 'if-then-else': branches(FALSE, FALSE) }, 'unsatisfied'],
  ['if unknown then true else false', { 'if-then-else': branches(TRUE, FALSE) }, 'unknown'],
])('with the input unknown, %s is judged', (_name, when, expected) => {
  expect(evaluatePolicy(policy('p', when), LISTED, NO_ENTITIES)).toBe(expected)
})

function branches(yes: Json, no: Json): Json {
  return Object.fromEntries([
    ['if', MAYBE],
    ['then', yes],
    ['else', no],
  ])
}

test('what errs whatever the unknown turns out to be is an error', () => {
  for (const when of [
    sides('<', INPUT, value('x')),
    sides('in', INPUT, value(1)),
    sides('&&', BROKEN, MAYBE),
  ]) {
    expect(evaluatePolicy(policy('p', when), LISTED, NO_ENTITIES)).toHaveProperty('error')
  }
})

test('a set with something that is no entity errs for `in`, even beside a match', () => {
  const ana = value({ __entity: { type: 'User', id: 'ana' } })
  const mixed = sides('in', { Var: 'principal' }, { Set: [ana, value(1)] })
  expect(evaluatePolicy(policy('p', mixed), ask(), NO_ENTITIES)).toMatchObject({ error: { reason: 'type' } })
})

test('an unknown clause does not hide a later one that is false', () => {
  expect(evaluatePolicy(policy('p', MAYBE, { unless: TRUE }), LISTED, NO_ENTITIES)).toBe('unsatisfied')
  expect(evaluatePolicy(policy('p', MAYBE, { unless: BROKEN }), LISTED, NO_ENTITIES)).toBe('unknown')
})

function why(when: Json, parts: Parts = {}, request = LISTED): string {
  const miss = explainPolicy(policy('p', when, parts), request, NO_ENTITIES)
  return miss === undefined ? 'satisfied' : `${miss.part} ${miss.outcome}: ${miss.clause}: ${miss.says}`
}

const CONDITIONS = attr(CONTEXT, 'conditions')
const WANTED: Json = { Set: [value('healthy'), value('business-hours')] }

test.each<[string, Json, Parts, string]>([
  ['satisfied', TRUE, {}, 'satisfied'],
  [
    'the scope',
    TRUE,
    { principal: { op: 'is', entity_type: 'Agent' } },
    'principal unsatisfied: principal is Agent: User::"ana" is not Agent',
  ],
  [
    'the missing condition',
    sides('&&', TRUE, sides('containsAll', CONDITIONS, WANTED)),
    {},
    'when unsatisfied: context.conditions.containsAll(["healthy", "business-hours"]): ["healthy"] lacks "business-hours"',
  ],
  [
    'the certain miss before the unknown one',
    sides('&&', MAYBE, sides('<', value(7), value(5))),
    {},
    'when unsatisfied: 7 < 5: 7 is not less than 5',
  ],
  ['an unknown', MAYBE, {}, 'when unknown: context.input.id == "x": depends on what is not known yet'],
  [
    'an unless that holds',
    TRUE,
    { unless: sides('||', FALSE, sides('contains', CONDITIONS, value('healthy'))) },
    'unless unsatisfied: context.conditions.contains("healthy"): ["healthy"] holds "healthy"',
  ],
  ['an error', BROKEN, {}, 'when error: context.nothing: the record has no attribute "nothing"'],
])('an explanation names %s', (_name, when, parts, expected) => {
  expect(why(when, parts)).toBe(expected)
})
