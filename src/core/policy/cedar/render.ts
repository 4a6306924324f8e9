import type { BinaryName, Expression } from './expression.ts'
import { showDecimal } from './extensions/decimal.ts'
import { showIp } from './extensions/ip.ts'
import type { PatternPart } from './like.ts'
import type { Value } from './value.ts'

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/
const RESERVED: ReadonlySet<string> = new Set([
  ...['true', 'false', 'if', 'then', 'else', 'in', 'is', 'like', 'has', '__cedar'],
])

/** How tightly an expression binds, loosest first; what binds looser than its place needs brackets. */
const [IF, OR, AND, RELATION, SUM, PRODUCT, UNARY, MEMBER] = [0, 1, 2, 3, 4, 5, 6, 7] as const
const METHODS: ReadonlySet<BinaryName> = new Set([
  'contains',
  'containsAll',
  'containsAny',
  'getTag',
  'hasTag',
])

/** Policies stay while questions pass, and each refusal writes a part of one. */
const written = new WeakMap<Expression, string>()

/** An expression in Cedar's own syntax; parsed again it is the same expression. */
export function render(expression: Expression): string {
  const known = written.get(expression)
  if (known !== undefined) return known
  const text = write(expression)
  written.set(expression, text)
  return text
}

function write(expression: Expression): string {
  switch (expression.op) {
    case 'value':
      return literal(expression.value)
    case 'var':
      return expression.name
    case 'and':
      return expression.items.map((item, index) => inside(item, index === 0 ? AND : AND + 1)).join(' && ')
    case 'or':
      return expression.items.map((item, index) => inside(item, index === 0 ? OR : OR + 1)).join(' || ')
    case 'unary':
      return renderUnary(expression)
    case 'binary':
      return renderBinary(expression)
    case 'attr':
      return inside(expression.of, MEMBER) + step(expression.name)
    case 'has':
      return `${inside(expression.of, SUM)} has ${path(expression.path)}`
    case 'like':
      return `${inside(expression.of, SUM)} like ${patternText(expression.pattern.parts)}`
    case 'is':
      return renderIs(expression)
    case 'if':
      return `if ${write(expression.test)} then ${write(expression.yes)} else ${write(expression.no)}`
    case 'set':
      return `[${expression.items.map(render).join(', ')}]`
    case 'record':
      return `{${expression.fields.map(([name, value]) => `${quote(name)}: ${write(value)}`).join(', ')}}`
    case 'call':
      return renderCall(expression)
  }
}

type Of<Op extends Expression['op']> = Extract<Expression, { op: Op }>

function inside(expression: Expression, least: number): string {
  return binding(expression) < least ? `(${write(expression)})` : write(expression)
}

function binding(expression: Expression): number {
  switch (expression.op) {
    case 'if':
      return IF
    case 'or':
      return OR
    case 'and':
      return AND
    case 'has':
    case 'like':
    case 'is':
      return RELATION
    case 'unary':
      return expression.name === 'isEmpty' ? MEMBER : UNARY
    case 'binary':
      return binaryBinding(expression.name)
    case 'value':
      return expression.value.kind === 'long' && expression.value.value < 0n ? UNARY : MEMBER
    default:
      return MEMBER
  }
}

function binaryBinding(name: BinaryName): number {
  if (METHODS.has(name)) return MEMBER
  if (name === '*') return PRODUCT
  return name === '+' || name === '-' ? SUM : RELATION
}

/** `-(1)` is a negation and `-1` a number, so a number after `-` keeps its brackets. */
function renderUnary(expression: Of<'unary'>): string {
  if (expression.name === 'isEmpty') return `${inside(expression.arg, MEMBER)}.isEmpty()`
  if (expression.name === '!') return `!${inside(expression.arg, MEMBER)}`
  const number = expression.arg.op === 'value' && expression.arg.value.kind === 'long'
  return number ? `-(${write(expression.arg)})` : `-${inside(expression.arg, MEMBER)}`
}

function renderBinary(expression: Of<'binary'>): string {
  const { name, left, right } = expression
  if (METHODS.has(name)) return `${inside(left, MEMBER)}.${name}(${write(right)})`
  const own = binaryBinding(name)
  return `${inside(left, own === RELATION ? SUM : own)} ${name} ${inside(right, own + 1)}`
}

function renderIs(expression: Of<'is'>): string {
  const test = `${inside(expression.of, SUM)} is ${expression.type}`
  return expression.in === undefined ? test : `${test} in ${inside(expression.in, SUM)}`
}

function renderCall(expression: Of<'call'>): string {
  const { fn, args } = expression
  const [receiver, ...rest] = args
  if (!fn.method || receiver === undefined) return `${fn.name}(${args.map(render).join(', ')})`
  return `${inside(receiver, MEMBER)}.${fn.name}(${rest.map(render).join(', ')})`
}

function isIdentifier(name: string): boolean {
  return IDENTIFIER.test(name) && !RESERVED.has(name)
}

function step(name: string): string {
  return isIdentifier(name) ? `.${name}` : `[${quote(name)}]`
}

function path(names: readonly string[]): string {
  return names.every(isIdentifier) ? names.join('.') : names.map(quote).join('.')
}

const ESCAPE = /\\(?:[\\"nrt]|([bf])|u([0-9a-f]{4}))/g

/** A string literal of Cedar: as JSON's, but `\u{7}` where JSON writes `\u0007`. */
function quote(source: string): string {
  return JSON.stringify(source).replace(ESCAPE, (whole, short?: string, code?: string) => {
    if (short !== undefined) return short === 'b' ? '\\u{8}' : '\\u{c}'
    return code === undefined ? whole : `\\u{${code}}`
  })
}

function patternText(parts: readonly PatternPart[]): string {
  const inner = parts.map((part) => (part === null ? '*' : quote(part).slice(1, -1).replaceAll('*', '\\*')))
  return `"${inner.join('')}"`
}

/** A value as Cedar would write it. */
export function literal(value: Value): string {
  switch (value.kind) {
    case 'string':
      return quote(value.value)
    case 'entity':
      return `${value.type}::${quote(value.id)}`
    case 'set':
      return `[${[...value.items.values()].map(literal).join(', ')}]`
    case 'record':
      return `{${[...value.fields].map(([name, field]) => `${quote(name)}: ${literal(field)}`).join(', ')}}`
    case 'decimal':
      return `decimal("${showDecimal(value)}")`
    case 'ipaddr':
      return `ip("${showIp(value)}")`
    case 'datetime':
      return `datetime("1970-01-01").offset(duration("${value.value}ms"))`
    case 'duration':
      return `duration("${value.value}ms")`
    case 'unknown':
      return 'unknown'
    default:
      return String(value.value)
  }
}
