import { type Entities, NO_ENTITIES } from './entities.ts'
import type { BinaryName, Expression, Variable } from './expression.ts'
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
      return over(expression.items, (items) => chain(items, '&&', false))
    case 'or':
      return over(expression.items, (items) => chain(items, '||', true))
    case 'unary':
      return strict(expression.arg, UNARY_OPERATORS[expression.name])
    case 'binary':
      return binary(expression.name, expression.left, expression.right)
    case 'attr':
      return attributeCode(expression)
    case 'has':
      return strict(expression.of, (of, entities) => has(of, expression.path, entities), true)
    case 'like':
      return strict(expression.of, (of) => like(of, expression))
    case 'is':
      return is(expression)
    case 'if':
      return branch(expression)
    case 'set':
      return over(expression.items, (items) => all(items, setOf))
    case 'record':
      return recordCode(expression.fields)
    case 'call':
      return over(expression.args, (args) => all(args, expression.fn.apply))
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

/** A node over its parts, folded when they are all fixed, unless it reads the store. */
function node(parts: readonly Code[], run: Run, readsStore = false): Code {
  const foldable = !readsStore && parts.every((part) => part.fixed !== undefined)
  return foldable ? fixed(run(NO_REQUEST, NO_ENTITIES)) : { run, fixed: undefined }
}

function over(parts: readonly Expression[], build: (runs: readonly Run[]) => Run): Code {
  const codes = parts.map(code)
  return node(codes, build(codes.map(({ run }) => run)))
}

function strict(
  arg: Expression,
  apply: (value: Value, entities: Entities) => Outcome,
  readsStore = false,
): Code {
  const inner = code(arg)
  const { run } = inner
  const applied: Run = (request, entities) => {
    const value = run(request, entities)
    return value.kind === 'failure' ? value : apply(value, entities)
  }
  return node([inner], applied, readsStore)
}

/** Most attributes are read of what is asked about; those cost one step. */
function attributeCode({ of, name }: Extract<Expression, { op: 'attr' }>): Code {
  if (of.op !== 'var') return strict(of, (value, entities) => attribute(value, name, entities), true)
  const read = VARIABLES[of.name]
  return { run: (request, entities) => attribute(read(request), name, entities), fixed: undefined }
}

function binary(name: BinaryName, one: Expression, other: Expression): Code {
  const apply = BINARY_OPERATORS[name]
  const [left, right] = [code(one), code(other)]
  const readsStore = name === 'in' || name === 'getTag' || name === 'hasTag'
  const run =
    other.op === 'value' ? againstConstant(left.run, apply, other.value) : ofBoth(left, right, apply)
  return node([left, right], run, readsStore)
}

function ofBoth({ run: left }: Code, { run: right }: Code, apply: BinaryOperator): Run {
  return (request, entities) => {
    const first = left(request, entities)
    if (first.kind === 'failure') return first
    const second = right(request, entities)
    return second.kind === 'failure' ? second : apply(first, second, entities)
  }
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

function branch(expression: Extract<Expression, { op: 'if' }>): Code {
  const parts = [code(expression.test), code(expression.yes), code(expression.no)] as const
  const [{ run: test }, { run: yes }, { run: no }] = parts
  return node(parts, (request, entities) => {
    const value = test(request, entities)
    if (value.kind === 'bool') return (value.value ? yes : no)(request, entities)
    if (value.kind === 'failure') return value
    if (value.kind !== 'unknown') return wrongType('if', 'bool', value)
    return agreed(yes(request, entities), no(request, entities))
  })
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
  return over(
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
  const within = binary('in', expression.of, expression.in)
  return { run: chain([test.run, within.run], '&&', false), fixed: undefined }
}

function isOfType(of: Value, type: string): Outcome {
  if (of.kind === 'unknown') return UNKNOWN
  if (of.kind !== 'entity') return wrongType('is', 'entity', of)
  return of.type === type ? TRUE : FALSE
}
