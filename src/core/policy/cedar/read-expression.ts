import { err, ok, type Result } from '../../result.ts'
import type { BinaryName, Expression, UnaryName, Variable } from './expression.ts'
import { extensionFunction } from './extensions/functions.ts'
import { fromCedarJson } from './from-json.ts'
import { isJsonArray, isJsonObject, type Json, member } from './json.ts'
import { type PatternPart, pattern, WILDCARD } from './like.ts'
import { FALSE } from './value.ts'

/** Why a policy can't be loaded: `policy.unsupported`, `policy.malformed`, `policy.too_deep`. */
export type PolicyProblem = {
  readonly reason: 'policy.unsupported' | 'policy.malformed' | 'policy.too_deep'
  readonly says: string
}

/** Expressions may nest this deep; a chain of `&&` or `||` counts once. */
const DEEPEST = 64

type JsonObject = { readonly [key: string]: Json }
type Reading = { problem: PolicyProblem | undefined }

const NOTHING: Expression = { op: 'value', value: FALSE }
const VARIABLES: ReadonlySet<string> = new Set(['principal', 'action', 'resource', 'context'])
const UNARY: ReadonlySet<string> = new Set(['!', 'neg', 'isEmpty'])
const BINARY: ReadonlySet<string> = new Set([
  ...['==', '!=', '<', '<=', '>', '>=', 'in', '+', '-', '*'],
  ...['contains', 'containsAll', 'containsAny', 'getTag', 'hasTag'],
])

/** Reads an expression of Cedar's JSON form (EST). What isn't known here is refused, never skipped. */
export function readExpression(json: Json): Result<Expression, PolicyProblem> {
  const reading: Reading = { problem: undefined }
  const expression = read(json, 0, reading)
  return reading.problem === undefined ? ok(expression) : err(reading.problem)
}

function fail(reading: Reading, reason: PolicyProblem['reason'], says: string): Expression {
  reading.problem ??= { reason, says }
  return NOTHING
}

type Reader = (body: Json, depth: number, reading: Reading) => Expression

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['Value', readValue],
  ['Var', readVariable],
  ['&&', (body, depth, reading) => readChain('&&', body, depth, reading)],
  ['||', (body, depth, reading) => readChain('||', body, depth, reading)],
  ['.', readAttribute],
  ['has', readHas],
  ['like', readLike],
  ['is', readIs],
  ['if-then-else', readIf],
  ['Set', readSet],
  ['Record', readRecord],
])

function read(json: Json | undefined, depth: number, reading: Reading): Expression {
  if (reading.problem !== undefined) return NOTHING
  if (depth > DEEPEST) return fail(reading, 'policy.too_deep', `nested deeper than ${DEEPEST}`)
  if (!isJsonObject(json)) return fail(reading, 'policy.malformed', 'an expression is not an object')
  const keys = Object.keys(json)
  const [op] = keys
  const body = op === undefined ? undefined : member(json, op)
  if (op === undefined || body === undefined || keys.length !== 1) {
    return fail(reading, 'policy.malformed', 'an expression does not have exactly one operator')
  }
  const reader = READERS.get(op)
  if (reader !== undefined) return reader(body, depth, reading)
  if (isUnary(op)) return readUnary(op, body, depth, reading)
  if (isBinary(op)) return readBinary(op, body, depth, reading)
  return readCall(op, body, depth, reading)
}

function isUnary(op: string): op is UnaryName {
  return UNARY.has(op)
}

function isBinary(op: string): op is BinaryName {
  return BINARY.has(op)
}

function isVariable(name: Json): name is Variable {
  return typeof name === 'string' && VARIABLES.has(name)
}

/** The operands of an operator; another key than those listed is refused. */
function operands(body: Json, names: readonly string[], reading: Reading): JsonObject {
  if (!isJsonObject(body)) {
    fail(reading, 'policy.malformed', 'operands are not an object')
    return {}
  }
  const other = Object.keys(body).find((key) => !names.includes(key))
  if (other !== undefined) fail(reading, 'policy.unsupported', `an operator with the operand ${other}`)
  return body
}

function readValue(body: Json, depth: number, reading: Reading): Expression {
  const value = fromCedarJson(body)
  if (value.ok) return { op: 'value', value: value.value }
  return fail(reading, 'policy.malformed', `a literal at depth ${depth}: ${value.error.says}`)
}

function readVariable(body: Json, _depth: number, reading: Reading): Expression {
  if (isVariable(body)) return { op: 'var', name: body }
  return fail(reading, 'policy.unsupported', `the variable ${String(body)}`)
}

/** The left side of `a && b && c` nests; walking it in a loop keeps its length out of the depth. */
function readChain(op: '&&' | '||', body: Json, depth: number, reading: Reading): Expression {
  const items: Expression[] = []
  let rest: Json = body
  for (;;) {
    const sides = operands(rest, ['left', 'right'], reading)
    items.push(read(member(sides, 'right'), depth + 1, reading))
    const left = member(sides, 'left')
    const same = isJsonObject(left) && Object.keys(left).length === 1 ? member(left, op) : undefined
    if (same === undefined || reading.problem !== undefined) {
      items.push(read(left, depth + 1, reading))
      return { op: op === '&&' ? 'and' : 'or', items: items.reverse() }
    }
    rest = same
  }
}

function readUnary(name: UnaryName, body: Json, depth: number, reading: Reading): Expression {
  const arg = read(member(operands(body, ['arg'], reading), 'arg'), depth + 1, reading)
  return { op: 'unary', name, arg }
}

function readBinary(name: BinaryName, body: Json, depth: number, reading: Reading): Expression {
  const sides = operands(body, ['left', 'right'], reading)
  const left = read(member(sides, 'left'), depth + 1, reading)
  const right = read(member(sides, 'right'), depth + 1, reading)
  return { op: 'binary', name, left, right }
}

function readAttribute(body: Json, depth: number, reading: Reading): Expression {
  const parts = operands(body, ['left', 'attr'], reading)
  const name = member(parts, 'attr')
  if (typeof name !== 'string') return fail(reading, 'policy.malformed', 'an attribute without a name')
  return { op: 'attr', of: read(member(parts, 'left'), depth + 1, reading), name }
}

function readHas(body: Json, depth: number, reading: Reading): Expression {
  const parts = operands(body, ['left', 'attr'], reading)
  const attr = member(parts, 'attr')
  const path: string[] = []
  for (const step of isJsonArray(attr) ? attr : [attr]) {
    if (typeof step !== 'string') return fail(reading, 'policy.malformed', '`has` without a name')
    path.push(step)
  }
  if (path.length === 0) return fail(reading, 'policy.malformed', '`has` without a name')
  return { op: 'has', of: read(member(parts, 'left'), depth + 1, reading), path }
}

function readLike(body: Json, depth: number, reading: Reading): Expression {
  const parts = operands(body, ['left', 'pattern'], reading)
  const listed = member(parts, 'pattern')
  if (!isJsonArray(listed)) return fail(reading, 'policy.malformed', '`like` without a pattern')
  const wanted: PatternPart[] = []
  for (const item of listed) {
    const literal = isJsonObject(item) ? member(item, 'Literal') : undefined
    if (item !== 'Wildcard' && typeof literal !== 'string') {
      return fail(reading, 'policy.unsupported', 'a pattern of `like` with another part than text and `*`')
    }
    wanted.push(typeof literal === 'string' ? literal : WILDCARD)
  }
  return { op: 'like', of: read(member(parts, 'left'), depth + 1, reading), pattern: pattern(wanted) }
}

function readIs(body: Json, depth: number, reading: Reading): Expression {
  const parts = operands(body, ['left', 'entity_type', 'in'], reading)
  const type = member(parts, 'entity_type')
  if (typeof type !== 'string') return fail(reading, 'policy.malformed', '`is` without a type')
  const of = read(member(parts, 'left'), depth + 1, reading)
  const within = member(parts, 'in')
  return within === undefined
    ? { op: 'is', of, type }
    : { op: 'is', of, type, in: read(within, depth + 1, reading) }
}

function readIf(body: Json, depth: number, reading: Reading): Expression {
  const parts = operands(body, ['if', 'then', 'else'], reading)
  const [test, yes, no] = ['if', 'then', 'else'].map((name) => read(member(parts, name), depth + 1, reading))
  return { op: 'if', test: test ?? NOTHING, yes: yes ?? NOTHING, no: no ?? NOTHING }
}

function readSet(body: Json, depth: number, reading: Reading): Expression {
  if (!isJsonArray(body)) return fail(reading, 'policy.malformed', 'a set is not a list')
  return { op: 'set', items: body.map((item) => read(item, depth + 1, reading)) }
}

function readRecord(body: Json, depth: number, reading: Reading): Expression {
  if (!isJsonObject(body)) return fail(reading, 'policy.malformed', 'a record is not an object')
  const fields = Object.entries(body).map(([name, item]) => [name, read(item, depth + 1, reading)] as const)
  return { op: 'record', fields }
}

function readCall(name: string, body: Json, depth: number, reading: Reading): Expression {
  const fn = extensionFunction(name)
  if (fn === undefined) return fail(reading, 'policy.unsupported', `the operator ${name}`)
  if (!isJsonArray(body)) return fail(reading, 'policy.malformed', `the arguments of ${name} are not a list`)
  return { op: 'call', fn, args: body.map((item) => read(item, depth + 1, reading)) }
}
