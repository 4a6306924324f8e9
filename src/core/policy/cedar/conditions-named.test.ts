import { describe, expect, test } from 'vitest'
import { namedConditions } from './conditions-named.ts'
import { readsOfContext } from './context-read.ts'
import type { Json } from './json.ts'
import { preparePolicy } from './policy.ts'
import { readExpression } from './read-expression.ts'

const variable = (Var: string): Json => ({ Var })
const attr = (left: Json, name: string): Json => ({ '.': { left, attr: name } })
const has = (left: Json, name: Json): Json => ({ has: { left, attr: name } })
const value = (Value: Json): Json => ({ Value })
const binary = (op: string, left: Json, right: Json): Json => ({ [op]: { left, right } })
const context = variable('context')
const CONDITIONS = attr(context, 'conditions')
const names = (...each: readonly string[]): Json => ({ Set: each.map(value) })
/** An object with a `then` looks like a promise to others. */
const THEN = (json: Json): { readonly [key: string]: Json } => Object.fromEntries([['then', json]])
const input = attr(attr(context, 'input'), 'x')

function named(...expressions: readonly Json[]): string {
  const read = expressions.map((each) => {
    const expression = readExpression(each)
    if (!expression.ok) throw new Error(expression.error.says)
    return expression.value
  })
  const found = namedConditions(read)
  return found.otherUse ? 'unreadable' : [...found.names].sort().join(' ')
}

describe('the conditions of a policy', () => {
  test.each<[string, Json, string]>([
    ['by one', binary('contains', CONDITIONS, value('a')), 'a'],
    ['by all of some', binary('containsAll', CONDITIONS, names('a', 'b')), 'a b'],
    ['by any of some', binary('containsAny', CONDITIONS, names('b', 'a')), 'a b'],
    ['by some in one literal', binary('containsAll', CONDITIONS, value(['a', 'b'])), 'a b'],
    ['by none at all', binary('containsAll', CONDITIONS, names()), ''],
    [
      'behind other operators',
      { '!': { arg: { '&&': { left: binary('contains', CONDITIONS, value('a')), right: value(true) } } } },
      'a',
    ],
    [
      'in each branch',
      {
        'if-then-else': {
          if: binary('contains', CONDITIONS, value('a')),
          ...THEN(binary('contains', CONDITIONS, value('b'))),
          else: binary('contains', CONDITIONS, value('c')),
        },
      },
      'a b c',
    ],
    [
      'beside what else the context holds',
      binary('==', input, binary('contains', CONDITIONS, value('a'))),
      'a',
    ],
  ])('are named %s', (_how, expression, expected) => {
    expect(named(expression)).toBe(expected)
  })

  test.each<[string, Json]>([
    ['compared whole', binary('==', CONDITIONS, names('a'))],
    ['looked for in another set', binary('contains', attr(context, 'input'), CONDITIONS)],
    ['asked for by what a request says', binary('contains', CONDITIONS, input)],
    [
      'asked for by several, one of them from a request',
      binary('containsAll', CONDITIONS, { Set: [value('a'), input] }),
    ],
    ['asked for by a set from a request', binary('containsAny', CONDITIONS, input)],
    ['asked for by what is no text', binary('contains', CONDITIONS, value(1))],
    ['asked for by a literal that holds more than texts', binary('containsAll', CONDITIONS, value(['a', 1]))],
    ['asked for by a literal that is no set', binary('containsAll', CONDITIONS, value('a'))],
    ['asked whether they are empty', { isEmpty: { arg: CONDITIONS } }],
    ['asked whether they are there', has(context, 'conditions')],
    ['asked whether they are there, by a path', has(context, ['conditions', 'x'])],
    ['taken with the whole context', binary('==', context, { Record: {} })],
    ['taken with the whole context, in a set', binary('contains', { Set: [context] }, value('a'))],
    ['compared as a tag is', binary('hasTag', CONDITIONS, value('a'))],
  ])('can not be read when they are %s', (_how, expression) => {
    expect(named(expression)).toBe('unreadable')
  })

  test.each<[string, Json]>([
    ['of somebody', binary('contains', attr(variable('principal'), 'conditions'), value('a'))],
    ['of somebody, whole', binary('==', attr(variable('principal'), 'conditions'), names('a'))],
    ['that somebody may have', has(variable('principal'), 'conditions')],
    [
      'of an attribute called context',
      binary('contains', attr(attr(variable('resource'), 'context'), 'conditions'), value('a')),
    ],
    ['of the input', binary('contains', attr(attr(context, 'input'), 'conditions'), value('a'))],
    ['that the input may have', has(attr(context, 'input'), 'conditions')],
    ['of what else the context may hold', has(context, 'user')],
    ['of what else the context may hold, by a path', has(context, ['input', 'conditions'])],
    ['by another attribute of the context', binary('==', attr(context, 'user'), variable('principal'))],
    ['in a text', value('conditions')],
    ['by somebody themselves', binary('==', variable('principal'), variable('resource'))],
  ])('are not %s', (_whose, expression) => {
    expect(named(expression)).toBe('')
  })

  test('are those of all its clauses, and one that can not be read is enough', () => {
    const [a, b] = ['a', 'b'].map((name) => binary('contains', CONDITIONS, value(name)))
    expect(named(a ?? null, b ?? null)).toBe('a b')
    expect(named(a ?? null, has(context, 'conditions'))).toBe('unreadable')
  })
})

test.each<[string, Json, readonly string[]]>([
  ['an attribute', binary('==', attr(context, 'user'), variable('principal')), ['user']],
  ['an attribute of an attribute', binary('==', input, value(1)), ['input']],
  ['whether one is there', has(context, 'user'), ['user']],
  ['whether one is there, by a path', has(context, ['input', 'user']), ['input']],
  ['the same of somebody else', has(variable('principal'), 'user'), []],
  ['the same of an attribute', has(attr(variable('principal'), 'context'), 'user'), []],
  ['all of it', binary('==', context, { Record: {} }), ['address', 'input', 'user']],
  ['nothing', value(true), []],
])('what a policy reads of the context is told: %s', (_what, body, expected) => {
  const ALL: Json = { op: 'All' }
  const scope = { effect: 'permit', principal: ALL, action: ALL, resource: ALL }
  const policy = preparePolicy('p', { ...scope, conditions: [{ kind: 'when', body }] })
  if (!policy.ok) throw new Error(policy.error.says)
  const read = ['address', 'input', 'user'].filter((name) => readsOfContext(policy.value, name))
  expect(read).toEqual(expected)
})
