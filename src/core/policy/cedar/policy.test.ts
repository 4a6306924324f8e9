import { expect, test } from 'vitest'
import type { Json } from './json.ts'
import { preparePolicy } from './policy.ts'

const ALL: Json = { op: 'All' }
const SCOPE = { effect: 'permit', principal: ALL, action: ALL, resource: ALL }
const when = (body: Json): Json => ({ ...SCOPE, conditions: [{ kind: 'when', body }] })
const value = (json: Json): Json => ({ Value: json })

function reason(est: Json): string {
  const prepared = preparePolicy('p', est)
  return prepared.ok ? 'prepared' : prepared.error.reason
}

test.each<[string, Json, string]>([
  ['an unknown operator', when({ frobnicate: [value(1)] }), 'policy.unsupported'],
  ['an unknown function of partial evaluation', when({ unknown: [value('x')] }), 'policy.unsupported'],
  ['a template slot in an expression', when({ Slot: '?principal' }), 'policy.unsupported'],
  ['an unknown variable', when({ Var: 'environment' }), 'policy.unsupported'],
  [
    'an operator with an operand too many',
    when({ '!': { arg: value(true), also: 1 } }),
    'policy.unsupported',
  ],
  ['two operators in one', when({ '!': { arg: value(true) }, neg: { arg: value(1) } }), 'policy.malformed'],
  ['a missing operand', when({ '==': { left: value(1) } }), 'policy.malformed'],
  ['a literal that is null', when(value(null)), 'policy.malformed'],
  ['an inexact integer', when(value(2 ** 53)), 'policy.malformed'],
  ['an inherited operator name', when({ constructor: [] }), 'policy.unsupported'],
  [
    'a pattern of an unknown kind',
    when({ like: { left: value('a'), pattern: ['Any'] } }),
    'policy.unsupported',
  ],
  [
    'another kind of clause',
    { ...SCOPE, conditions: [{ kind: 'where', body: value(true) }] },
    'policy.unsupported',
  ],
  [
    'a template',
    { ...SCOPE, principal: { op: '==', slot: '?principal' }, conditions: [] },
    'policy.unsupported',
  ],
  [
    'a template behind is',
    { ...SCOPE, principal: { op: 'is', entity_type: 'U', in: { slot: '?principal' } }, conditions: [] },
    'policy.unsupported',
  ],
  ['another scope operator', { ...SCOPE, action: { op: 'like' }, conditions: [] }, 'policy.unsupported'],
  ['another effect', { ...SCOPE, effect: 'allow', conditions: [] }, 'policy.malformed'],
  ['no conditions at all', SCOPE, 'policy.malformed'],
])('%s is refused when it is loaded', (_name, est, expected) => {
  expect(reason(est)).toBe(expected)
})

function nested(depth: number): Json {
  let json: Json = value(true)
  for (let i = 0; i < depth; i++) json = { '!': { arg: json } }
  return json
}

test('an expression may nest 64 deep and no deeper', () => {
  expect(reason(when(nested(64)))).toBe('prepared')
  expect(reason(when(nested(65)))).toBe('policy.too_deep')
  expect(reason(when(nested(5000)))).toBe('policy.too_deep')
})

test('a chain of a thousand && is long, not deep', () => {
  let json: Json = value(true)
  for (let i = 0; i < 1000; i++) json = { '&&': { left: json, right: value(true) } }
  expect(reason(when(json))).toBe('prepared')
})

const CONTEXT: Json = { Var: 'context' }
const CONDITIONS: Json = { '.': { left: CONTEXT, attr: 'conditions' } }
const names = (op: string, right: Json, left = CONDITIONS): Json => ({ [op]: { left, right } })

test.each<[string, Json, readonly string[], boolean]>([
  ['contains', names('contains', value('a')), ['a'], false],
  ['containsAll', names('containsAll', { Set: [value('a'), value('b')] }), ['a', 'b'], false],
  ['containsAny of a literal set', names('containsAny', value(['a', 'b'])), ['a', 'b'], false],
  ['a negated one', { '!': { arg: names('contains', value('a')) } }, ['a'], false],
  ['one inside a set', { isEmpty: { arg: { Set: [names('contains', value('a'))] } } }, ['a'], false],
  ['a name that is computed', names('contains', { '.': { left: CONTEXT, attr: 'name' } }), [], true],
  ['a set with one computed', names('containsAll', { Set: [value('a'), { Var: 'action' }] }), [], true],
  ['the other way round', names('containsAll', CONDITIONS, { Set: [value('a')] }), [], true],
  ['isEmpty', { isEmpty: { arg: CONDITIONS } }, [], true],
  ['has', { has: { left: CONTEXT, attr: 'conditions' } }, [], true],
  ['the whole context', { '==': { left: CONTEXT, right: { Record: {} } } }, [], true],
  ['the context behind an if', { '.': { left: { Record: { a: CONTEXT } }, attr: 'a' } }, [], true],
  ['other parts of the context', { has: { left: CONTEXT, attr: ['input', 'conditions'] } }, [], false],
])('the conditions that a policy names: %s', (_name, body, expected, otherUse) => {
  const prepared = preparePolicy('p', when(body))
  if (!prepared.ok) throw new Error(prepared.error.says)
  expect([...prepared.value.conditions.names].sort()).toEqual(expected)
  expect(prepared.value.conditions.otherUse).toBe(otherUse)
})

test('scope and annotations are there to be judged', () => {
  const est = {
    ...SCOPE,
    principal: { op: 'is', entity_type: 'Agent', in: { entity: { type: 'Group', id: 'g' } } },
    action: { op: 'in', entities: [{ type: 'Action', id: 'a' }] },
    conditions: [],
    annotations: { id: 'x', ask: null },
  }
  const prepared = preparePolicy('p', est)
  expect(prepared.ok && prepared.value.scope).toMatchObject({
    principal: { op: 'is', type: 'Agent', in: { key: 'Group::"g"' } },
    action: { op: 'in', entities: [{ key: 'Action::"a"' }] },
    resource: { op: 'all' },
  })
  expect(prepared.ok && [...prepared.value.annotations]).toEqual([
    ['id', 'x'],
    ['ask', ''],
  ])
})
