import { describe, expect, it, test } from 'vitest'
import { compile } from './compile.ts'
import { NO_ENTITIES } from './entities.ts'
import type { Json } from './json.ts'
import { readExpression } from './read-expression.ts'
import { literal, render } from './render.ts'
import { entityUid, record, UNKNOWN, type Value } from './value.ts'

const val = (json: Json): Json => ({ Value: json })
const CONTEXT: Json = { Var: 'context' }
const attr = (left: Json, name: string): Json => ({ '.': { left, attr: name } })
const two = (op: string, left: Json, right: Json): Json => ({ [op]: { left, right } })
const one = (op: string, arg: Json): Json => ({ [op]: { arg } })
const when = (test: Json, yes: Json, no: Json): Json => {
  const branches: readonly [string, Json][] = [
    ['if', test],
    ['then', yes],
    ['else', no],
  ]
  return { 'if-then-else': Object.fromEntries(branches) }
}
const [A, B, C] = ['a', 'b', 'c'].map((name) => attr(CONTEXT, name)) as [Json, Json, Json]
const like = (left: Json, ...pattern: readonly Json[]): Json => ({ like: { left, pattern } })
const is = (left: Json, type: string, within?: Json): Json => ({
  is: { left, entity_type: type, ...(within === undefined ? {} : { in: within }) },
})
const ENTITY = val({ __entity: { type: 'User', id: 'ana' } })

function rendered(json: Json): string {
  const read = readExpression(json)
  return read.ok ? render(read.value) : `${read.error.reason}: ${read.error.says}`
}

describe("an expression of Cedar's JSON form", () => {
  test.each<[string, Json]>([
    ['true', val(true)],
    ['-1', val(-1)],
    ['"a"', val('a')],
    ['principal', { Var: 'principal' }],
    ['action', { Var: 'action' }],
    ['resource', { Var: 'resource' }],
    ['context.a', A],
    ['context["a b"]', attr(CONTEXT, 'a b')],
    ['context["if"]', attr(CONTEXT, 'if')],
    ['context._x1', attr(CONTEXT, '_x1')],
    ['context["1x"]', attr(CONTEXT, '1x')],
    ['User::"ana".name', attr(ENTITY, 'name')],
    ['(-1).a', attr(val(-1), 'a')],
    ['context.a && context.b && context.c', two('&&', two('&&', A, B), C)],
    ['context.a && (context.b && context.c)', two('&&', A, two('&&', B, C))],
    ['context.a || context.b || context.c', two('||', two('||', A, B), C)],
    ['context.a || (context.b || context.c)', two('||', A, two('||', B, C))],
    ['(context.a || context.b) && context.c', two('&&', two('||', A, B), C)],
    ['context.a || context.b && context.c', two('||', A, two('&&', B, C))],
    ['!context.a', one('!', A)],
    ['!(context.a && context.b)', one('!', two('&&', A, B))],
    ['!(!context.a)', one('!', one('!', A))],
    ['-context.a', one('neg', A)],
    ['-(1)', one('neg', val(1))],
    ['-(context.a + context.b)', one('neg', two('+', A, B))],
    ['context.a.isEmpty()', one('isEmpty', A)],
    ['(context.a + context.b).isEmpty()', one('isEmpty', two('+', A, B))],
    ['!context.a.isEmpty()', one('!', one('isEmpty', A))],
    ['context.a == context.b', two('==', A, B)],
    ['(context.a == context.b) == context.c', two('==', two('==', A, B), C)],
    ['context.a == (context.b == context.c)', two('==', A, two('==', B, C))],
    ['context.a + context.b < context.c', two('<', two('+', A, B), C)],
    ['context.a - context.b - context.c', two('-', two('-', A, B), C)],
    ['context.a - (context.b - context.c)', two('-', A, two('-', B, C))],
    ['context.a + context.b * context.c', two('+', A, two('*', B, C))],
    ['(context.a + context.b) * context.c', two('*', two('+', A, B), C)],
    ['context.a * (context.b * context.c)', two('*', A, two('*', B, C))],
    ['context.a * -1', two('*', A, val(-1))],
    ['context.a in context.b', two('in', A, B)],
    ['context.a.contains(context.b)', two('contains', A, B)],
    ['context.a.containsAll(context.b)', two('containsAll', A, B)],
    ['context.a.containsAny(context.b)', two('containsAny', A, B)],
    ['context.a.getTag("b")', two('getTag', A, val('b'))],
    ['context.a.hasTag("b")', two('hasTag', A, val('b'))],
    [
      '(context.a || context.b).contains(context.c || context.a)',
      two('contains', two('||', A, B), two('||', C, A)),
    ],
    ['context has a', { has: { left: CONTEXT, attr: 'a' } }],
    ['context has a.b', { has: { left: CONTEXT, attr: ['a', 'b'] } }],
    ['context has "a b"', { has: { left: CONTEXT, attr: 'a b' } }],
    ['(context.a == context.b) has c', { has: { left: two('==', A, B), attr: 'c' } }],
    ['context.a + context.b has c', { has: { left: two('+', A, B), attr: 'c' } }],
    ['!(context has a)', one('!', { has: { left: CONTEXT, attr: 'a' } })],
    ['context.a like "x*y\\*"', like(A, { Literal: 'x' }, 'Wildcard', { Literal: 'y*' })],
    ['(context.a like "") like "*"', like(like(A), 'Wildcard')],
    ['principal is User', is({ Var: 'principal' }, 'User')],
    ['principal is User in User::"ana"', is({ Var: 'principal' }, 'User', ENTITY)],
    [
      '(context.a in context.b) is User in (context.a in context.b)',
      is(two('in', A, B), 'User', two('in', A, B)),
    ],
    ['if context.a then context.b else context.c', when(A, B, C)],
    ['(if context.a then context.b else context.c) && context.a', two('&&', when(A, B, C), A)],
    ['[context.a, if context.a then context.b else context.c]', { Set: [A, when(A, B, C)] }],
    ['{"a": context.a, "if": 1}', { Record: { a: A, if: val(1) } }],
    ['ip("::1")', { ip: [val('::1')] }],
    ['ip("::1").isLoopback()', { isLoopback: [{ ip: [val('::1')] }] }],
    ['(context.a == context.b).isInRange(context.c)', { isInRange: [two('==', A, B), C] }],
    ['isInRange()', { isInRange: [] }],
  ])('is written %s', (text, json) => {
    expect(rendered(json)).toBe(text)
  })

  const MALFORMED = 'policy.malformed: '
  const UNSUPPORTED = 'policy.unsupported: '
  test.each<[string, Json]>([
    [`${MALFORMED}an expression is not an object`, 1],
    [`${MALFORMED}an expression is not an object`, null],
    [`${MALFORMED}an expression is not an object`, []],
    [`${MALFORMED}an expression does not have exactly one operator`, {}],
    [`${MALFORMED}an expression does not have exactly one operator`, { Value: 1, Var: 'context' }],
    [`${MALFORMED}a literal at depth 0: value is null; leave it out instead`, val(null)],
    [`${MALFORMED}a literal at depth 1: value is null; leave it out instead`, one('!', val(null))],
    [`${UNSUPPORTED}the variable nobody`, { Var: 'nobody' }],
    [`${UNSUPPORTED}the variable 1`, { Var: 1 }],
    [`${UNSUPPORTED}the operator nope`, { nope: [] }],
    [`${MALFORMED}the arguments of ip are not a list`, { ip: '::1' }],
    [`${MALFORMED}operands are not an object`, { '&&': [A, B] }],
    [`${MALFORMED}operands are not an object`, { '!': 1 }],
    [`${UNSUPPORTED}an operator with the operand other`, { '!': { arg: A, other: B } }],
    [`${UNSUPPORTED}an operator with the operand arg`, { '==': { left: A, right: B, arg: C } }],
    [`${MALFORMED}an expression is not an object`, { '==': { left: A } }],
    [`${MALFORMED}an expression is not an object`, { '&&': { right: A } }],
    [`${MALFORMED}an expression is not an object`, { '!': {} }],
    [`${MALFORMED}an attribute without a name`, { '.': { left: A } }],
    [`${MALFORMED}an attribute without a name`, { '.': { left: A, attr: 1 } }],
    [`${MALFORMED}\`has\` without a name`, { has: { left: A } }],
    [`${MALFORMED}\`has\` without a name`, { has: { left: A, attr: [] } }],
    [`${MALFORMED}\`has\` without a name`, { has: { left: A, attr: ['a', 1] } }],
    [`${MALFORMED}\`like\` without a pattern`, { like: { left: A } }],
    [`${UNSUPPORTED}a pattern of \`like\` with another part than text and \`*\``, like(A, 'Other')],
    [`${UNSUPPORTED}a pattern of \`like\` with another part than text and \`*\``, like(A, { Literal: 1 })],
    [`${MALFORMED}\`is\` without a type`, { is: { left: A } }],
    [`${MALFORMED}a set is not a list`, { Set: {} }],
    [`${MALFORMED}a record is not an object`, { Record: [] }],
  ])('is refused: %s', (expected, json) => {
    expect(rendered(json)).toBe(expected)
  })

  it('says the first thing that is wrong', () => {
    expect(rendered(two('==', { Var: 'nobody' }, { nope: [] }))).toBe(`${UNSUPPORTED}the variable nobody`)
  })

  const nested = (depth: number) => {
    let json: Json = val(true)
    for (let at = 0; at < depth; at += 1) json = one('!', json)
    return json
  }
  it('nests 64 deep and no deeper, however long its chains are', () => {
    expect(rendered(nested(64))).toMatch(/^!/)
    expect(rendered(nested(65))).toBe('policy.too_deep: nested deeper than 64')
    for (const op of ['&&', '||']) {
      let chain: Json = A
      for (let at = 0; at < 500; at += 1) chain = two(op, chain, B)
      expect(rendered(chain).split(op)).toHaveLength(501)
      expect(rendered(two(op, nested(63), A))).toMatch(/^!/)
      expect(rendered(two(op, A, nested(64)))).toBe('policy.too_deep: nested deeper than 64')
    }
  })
})

describe('an evaluation', () => {
  const request = {
    principal: entityUid('User', 'ana'),
    action: entityUid('Action', 'read'),
    resource: entityUid('Doc', '1'),
    context: record(
      new Map<string, Value>([
        ['yes', { kind: 'bool', value: true }],
        ['no', { kind: 'bool', value: false }],
        ['one', { kind: 'long', value: 1n }],
        ['two', { kind: 'long', value: 2n }],
        ['open', UNKNOWN],
      ]),
    ),
  }
  const [YES, NO, ONE, TWO, OPEN, BAD] = ['yes', 'no', 'one', 'two', 'open', 'nothing'].map((name) =>
    attr(CONTEXT, name),
  ) as [Json, Json, Json, Json, Json, Json]

  function value(json: Json): string {
    const read = readExpression(json)
    if (!read.ok) throw new Error(read.error.says)
    const outcome = compile(read.value)(request, NO_ENTITIES)
    return outcome.kind === 'failure' ? `${outcome.reason}: ${outcome.says}` : literal(outcome)
  }
  const MISSING = 'attribute: the record has no attribute "nothing"'

  test.each<[string, Json, string]>([
    ['principal', { Var: 'principal' }, 'User::"ana"'],
    ['action', { Var: 'action' }, 'Action::"read"'],
    ['resource', { Var: 'resource' }, 'Doc::"1"'],
    ['and', two('&&', YES, YES), 'true'],
    ['and, decided', two('&&', NO, BAD), 'false'],
    ['and, not decided', two('&&', YES, BAD), MISSING],
    ['and of a number', two('&&', YES, ONE), 'type: && needs a bool, not a long'],
    ['and of an unknown', two('&&', OPEN, YES), 'unknown'],
    ['and of an unknown, decided later', two('&&', OPEN, NO), 'false'],
    ['and of an unknown, failing later', two('&&', OPEN, BAD), 'unknown'],
    ['and of an unknown, and a number later', two('&&', OPEN, ONE), 'unknown'],
    ['or', two('||', NO, YES), 'true'],
    ['or of nothing true', two('||', NO, NO), 'false'],
    ['or, decided', two('||', YES, BAD), 'true'],
    ['or, not decided', two('||', NO, BAD), MISSING],
    ['or of a number', two('||', NO, ONE), 'type: || needs a bool, not a long'],
    ['or of an unknown', two('||', OPEN, NO), 'unknown'],
    ['or of an unknown, decided later', two('||', OPEN, YES), 'true'],
    ['if', when(YES, ONE, BAD), '1'],
    ['else', when(NO, BAD, TWO), '2'],
    ['if of a failure', when(BAD, ONE, TWO), MISSING],
    ['if of a number', when(ONE, ONE, TWO), 'type: if needs a bool, not a long'],
    ['if of an unknown', when(OPEN, ONE, TWO), 'unknown'],
    ['if of an unknown, the same either way', when(OPEN, ONE, val(1)), '1'],
    ['if of an unknown, failing either way', when(OPEN, BAD, BAD), MISSING],
    ['if of an unknown, failing one way', when(OPEN, ONE, BAD), 'unknown'],
    ['if of an unknown, failing the other way', when(OPEN, BAD, ONE), 'unknown'],
    ['if of an unknown, unknown one way', when(OPEN, OPEN, ONE), 'unknown'],
    ['a failure on the left', two('+', BAD, val('x')), MISSING],
    ['a failure on the right', two('+', val('x'), BAD), MISSING],
    ['an operator of a failure', one('!', BAD), MISSING],
    ['a set', { Set: [ONE, TWO, ONE] }, '[1, 2]'],
    ['a set with a failure', { Set: [ONE, BAD] }, MISSING],
    ['a set with an unknown', { Set: [ONE, OPEN] }, 'unknown'],
    ['a record', { Record: { a: ONE, b: TWO } }, '{"a": 1, "b": 2}'],
    ['a record with a failure', { Record: { a: BAD } }, MISSING],
    ['a call', { lessThan: [{ decimal: [val('1.0')] }, { decimal: [val('2.0')] }] }, 'true'],
    ['a call of a failure', { decimal: [BAD] }, MISSING],
    ['like', like(val('abc'), { Literal: 'a' }, 'Wildcard'), 'true'],
    ['not like', like(val('abc'), { Literal: 'b' }, 'Wildcard'), 'false'],
    ['like of a number', like(ONE, 'Wildcard'), 'type: like needs a string, not a long'],
    ['like of an unknown', like(OPEN, 'Wildcard'), 'unknown'],
    ['is', is({ Var: 'principal' }, 'User'), 'true'],
    ['is not', is({ Var: 'principal' }, 'Group'), 'false'],
    ['is of a number', is(ONE, 'User'), 'type: is needs a entity, not a long'],
    ['is of an unknown', is(OPEN, 'User'), 'unknown'],
    ['is in', is({ Var: 'principal' }, 'User', ENTITY), 'true'],
    ['is not, in what would fail', is({ Var: 'principal' }, 'Group', BAD), 'false'],
    ['is, in what fails', is({ Var: 'principal' }, 'User', BAD), MISSING],
    ['what is fixed and fails', two('+', val(1), val('x')), 'type: + needs a long, not a string'],
    ['in, of what is fixed', two('in', ENTITY, ENTITY), 'true'],
  ])('of %s', (_name, json, expected) => {
    expect(value(json)).toBe(expected)
  })
})

test.each<[Value, string]>([
  [{ kind: 'string', value: 'a"\\\n\r\t\b\f\u0001' }, '"a\\"\\\\\\n\\r\\t\\u{8}\\u{c}\\u{0001}"'],
  [UNKNOWN, 'unknown'],
  [record(new Map<string, Value>([['a b', { kind: 'bool', value: false }]])), '{"a b": false}'],
  [{ kind: 'duration', value: -5n }, 'duration("-5ms")'],
])('a value is written as Cedar would', (value, text) => {
  expect(literal(value)).toBe(text)
})

const INSIDE: Readonly<Record<string, (json: Json) => Json>> = {
  '!': (json) => one('!', json),
  neg: (json) => one('neg', json),
  isEmpty: (json) => one('isEmpty', json),
  '==, left': (json) => two('==', json, A),
  '==, right': (json) => two('==', A, json),
  '&&, right': (json) => two('&&', A, two('==', json, A)),
  '||, left': (json) => two('||', two('==', A, json), B),
  'an attribute': (json) => attr(json, 'a'),
  has: (json) => ({ has: { left: json, attr: 'a' } }),
  like: (json) => like(json, 'Wildcard'),
  is: (json) => is(json, 'A'),
  'is … in': (json) => is(A, 'A', json),
  'if, test': (json) => when(json, A, B),
  'if, then': (json) => when(A, json, B),
  'if, else': (json) => when(A, B, json),
  'a set': (json) => ({ Set: [A, json] }),
  'a record': (json) => ({ Record: { a: json } }),
  'a call': (json) => ({ ip: [json] }),
}

test.each(Object.entries(INSIDE))('nesting is counted in %s', (_name, around) => {
  let json: Json = val(true)
  const nest = (times: number) => {
    for (let time = 0; time < times; time++) json = around(json)
    return rendered(json)
  }
  expect(nest(30)).not.toMatch(/^policy/)
  expect(nest(40)).toBe('policy.too_deep: nested deeper than 64')
})

test.each(['true', 'false', 'if', 'then', 'else', 'in', 'is', 'like', 'has', '__cedar'])(
  'the word %s is no name of an attribute unless it is quoted',
  (word) => {
    expect(rendered(attr(A, word))).toBe(`context.a["${word}"]`)
    expect(rendered({ has: { left: A, attr: word } })).toBe(`context.a has "${word}"`)
  },
)
