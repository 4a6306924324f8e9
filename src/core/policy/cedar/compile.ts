import { type Entities, NO_ENTITIES } from './entities.ts'
import type { Expression, Variable } from './expression.ts'
import { matches } from './like.ts'
import {
  attribute,
  BINARY_OPERATORS,
  type BinaryOperator,
  has,
  UNARY_OPERATORS,
  wrongType,
} from './operators.ts'
import {
  bool,
  type EntityUid,
  entityUid,
  equal,
  FALSE,
  isOpen,
  type Outcome,
  type RecordValue,
  record,
  setOf,
  TRUE,
  UNKNOWN,
  type Value,
} from './value.ts'

/** What is asked. `context` may hold unknowns (a tool's input while tools are listed). */
export type CedarRequest = {
  readonly principal: EntityUid
  readonly action: EntityUid
  readonly resource: EntityUid
  readonly context: RecordValue
}

/** A prepared expression. It never throws; what can't have a value is a failure. */
export type Run = (request: CedarRequest, entities: Entities) => Outcome

/** `fixed` is the outcome of what depends on no request: computed once, also when it is a failure. */
type Code = { readonly run: Run; readonly fixed: Outcome | undefined }

const NOBODY = entityUid('', '')
const NO_REQUEST: CedarRequest = {
  principal: NOBODY,
  action: NOBODY,
  resource: NOBODY,
  context: record(new Map()),
}

/** Turns an expression into a tree of closures, once; it is run for every request. */
export function compile(expression: Expression): Run {
  return code(expression).run
}

function code(expression: Expression): Code {
  switch (expression.op) {
    case 'value':
      return fixed(expression.value)
    case 'var':
      return { run: VARIABLES[expression.name], fixed: undefined }
    case 'and':
      return from(expression.items, (items) => chain(items, '&&', false))
    case 'or':
      return from(expression.items, (items) => chain(items, '||', true))
    case 'unary':
      return strict(expression.arg, UNARY_OPERATORS[expression.name])
    case 'binary':
      return binary(expression)
    case 'attr':
      return attributeCode(expression)
    case 'has':
      return strict(expression.of, (of, entities) => has(of, expression.path, entities), true)
    case 'like':
      return strict(expression.of, (of) => like(of, expression))
    case 'is':
      return is(expression)
    case 'if':
      return from([expression.test, expression.yes, expression.no], branch)
    case 'set':
      return from(expression.items, (items) => all(items, setOf))
    case 'record':
      return recordCode(expression.fields)
    case 'call':
      return from(expression.args, (args) => all(args, expression.fn.apply))
  }
}

const VARIABLES: Readonly<Record<Variable, (request: CedarRequest) => Value>> = {
  principal: (request) => request.principal,
  action: (request) => request.action,
  resource: (request) => request.resource,
  context: (request) => request.context,
}

function fixed(outcome: Outcome): Code {
  return { run: () => outcome, fixed: outcome }
}

/** Builds a node over its parts and folds it when they are all fixed, unless it reads the store. */
function from(parts: readonly Expression[], build: (runs: readonly Run[]) => Run, readsStore = false): Code {
  const codes = parts.map(code)
  const run = build(codes.map((part) => part.run))
  const foldable = !readsStore && codes.every((part) => part.fixed !== undefined)
  return foldable ? fixed(run(NO_REQUEST, NO_ENTITIES)) : { run, fixed: undefined }
}

function strict(
  arg: Expression,
  apply: (value: Value, entities: Entities) => Outcome,
  readsStore = false,
): Code {
  const build = ([run]: readonly Run[]): Run => {
    if (run === undefined) return () => FALSE
    return (request, entities) => {
      const value = run(request, entities)
      return value.kind === 'failure' ? value : apply(value, entities)
    }
  }
  return from([arg], build, readsStore)
}

/** Most attributes are read of what is asked about; those cost one step. */
function attributeCode({ of, name }: Extract<Expression, { op: 'attr' }>): Code {
  if (of.op !== 'var') return strict(of, (value, entities) => attribute(value, name, entities), true)
  const read = VARIABLES[of.name]
  return { run: (request, entities) => attribute(read(request), name, entities), fixed: undefined }
}

function binary(expression: Extract<Expression, { op: 'binary' }>): Code {
  const { name } = expression
  const apply = BINARY_OPERATORS[name]
  const constant = expression.right.op === 'value' ? expression.right.value : undefined
  const build = ([left, right]: readonly Run[]): Run => {
    if (left === undefined || right === undefined) return () => FALSE
    if (constant !== undefined) return againstConstant(left, apply, constant)
    return (request, entities) => {
      const first = left(request, entities)
      if (first.kind === 'failure') return first
      const second = right(request, entities)
      return second.kind === 'failure' ? second : apply(first, second, entities)
    }
  }
  const readsStore = name === 'in' || name === 'getTag' || name === 'hasTag'
  return from([expression.left, expression.right], build, readsStore)
}

function againstConstant(left: Run, apply: BinaryOperator, constant: Value): Run {
  return (request, entities) => {
    const first = left(request, entities)
    return first.kind === 'failure' ? first : apply(first, constant, entities)
  }
}

/**
 * `&&` (decided by false) and `||` (decided by true), left to right. After an unknown, a later side can still
 * decide; a later failure can't, since the unknown might have ended the chain before it.
 */
function chain(items: readonly Run[], name: string, decisive: boolean): Run {
  return (request, entities) => {
    let open = false
    for (const item of items) {
      const value = item(request, entities)
      if (value.kind === 'bool') {
        if (value.value === decisive) return value
      } else if (value.kind === 'unknown') open = true
      else if (open) return UNKNOWN
      else return value.kind === 'failure' ? value : wrongType(name, 'bool', value)
    }
    return open ? UNKNOWN : bool(!decisive)
  }
}

function branch([test, yes, no]: readonly Run[]): Run {
  if (test === undefined || yes === undefined || no === undefined) return () => FALSE
  return (request, entities) => {
    const value = test(request, entities)
    if (value.kind === 'bool') return (value.value ? yes : no)(request, entities)
    if (value.kind === 'failure') return value
    if (value.kind !== 'unknown') return wrongType('if', 'bool', value)
    return agreed(yes(request, entities), no(request, entities))
  }
}

/** What both branches come to, when they agree; else it depends on the unknown. */
function agreed(yes: Outcome, no: Outcome): Outcome {
  if (yes.kind === 'failure' && no.kind === 'failure') return yes
  if (yes.kind === 'failure' || no.kind === 'failure' || isOpen(yes) || isOpen(no)) return UNKNOWN
  return equal(yes, no) ? yes : UNKNOWN
}

function all(items: readonly Run[], build: (values: readonly Value[]) => Outcome): Run {
  return (request, entities) => {
    const values: Value[] = []
    for (const item of items) {
      const value = item(request, entities)
      if (value.kind === 'failure') return value
      values.push(value)
    }
    return build(values)
  }
}

function recordCode(fields: readonly (readonly [string, Expression])[]): Code {
  const names = fields.map(([name]) => name)
  const build = (values: readonly Value[]): Outcome =>
    record(new Map(names.map((name, index) => [name, values[index] ?? UNKNOWN])))
  return from(
    fields.map(([, value]) => value),
    (items) => all(items, build),
  )
}

function like(of: Value, expression: Extract<Expression, { op: 'like' }>): Outcome {
  if (of.kind === 'unknown') return UNKNOWN
  return of.kind === 'string' ? bool(matches(expression.pattern, of.value)) : wrongType('like', 'string', of)
}

/** `e is T in x` asks for the type first, and looks at `x` only when it fits. */
function is(expression: Extract<Expression, { op: 'is' }>): Code {
  const test = strict(expression.of, (of) => isOfType(of, expression.type))
  if (expression.in === undefined) return test
  const within = binary({ op: 'binary', name: 'in', left: expression.of, right: expression.in })
  return { run: chain([test.run, within.run], '&&', false), fixed: undefined }
}

function isOfType(of: Value, type: string): Outcome {
  if (of.kind === 'unknown') return UNKNOWN
  if (of.kind !== 'entity') return wrongType('is', 'entity', of)
  return of.type === type ? TRUE : FALSE
}
