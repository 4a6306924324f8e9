import { children, type Expression } from '../cedar/expression.ts'
import type { CedarPolicy } from '../cedar/policy.ts'
import { render } from '../cedar/render.ts'
import { keyOf, type LongValue, type SetValue, type Value } from '../cedar/value.ts'

/** What must be so for a policy to be satisfied: an expression, and what it must come to. */
export type Requirement = { readonly expression: Expression; readonly truth: boolean }

/** Every part of its clauses, with `&&` that must be true, `||` that must be false and `!` taken apart. */
export function requirementsOf(policy: CedarPolicy): readonly Requirement[] {
  return policy.clauses.flatMap(({ kind, parts }) =>
    parts.flatMap(({ expression }) => apart({ expression, truth: kind === 'when' })),
  )
}

function apart({ expression, truth }: Requirement): readonly Requirement[] {
  if (expression.op === 'unary' && expression.name === '!')
    return apart({ expression: expression.arg, truth: !truth })
  const taken = (expression.op === 'and' && truth) || (expression.op === 'or' && !truth)
  if (taken) return expression.items.flatMap((item) => apart({ expression: item, truth }))
  return [{ expression, truth }]
}

/** One simple statement about a value that is read from the request: it is this, it is at most that, this is in it. */
export type Statement =
  | { readonly kind: 'is'; readonly of: string; readonly value: Value; readonly truth: boolean }
  | { readonly kind: 'at_most'; readonly of: string; readonly most: bigint }
  | { readonly kind: 'at_least'; readonly of: string; readonly least: bigint }
  | { readonly kind: 'holds'; readonly of: string; readonly item: Value; readonly truth: boolean }

/** The statements that a requirement makes; none where it makes no simple one. */
export function statementsOf({ expression, truth }: Requirement): readonly Statement[] {
  if (expression.op !== 'binary') return []
  const { name, left, right } = expression
  if (name === '==' || name === '!=') return equality(left, right, (name === '==') === truth)
  if (name === '<' || name === '<=' || name === '>' || name === '>=') return order(name, left, right, truth)
  if (name === 'contains') return members(left, [right], truth)
  // What `containsAll` lacks, or `containsAny` has, is one of several: no statement about any of them.
  if ((name === 'containsAll' && truth) || (name === 'containsAny' && !truth))
    return members(left, itemsOf(right), truth)
  return []
}

function equality(left: Expression, right: Expression, truth: boolean): readonly Statement[] {
  const [value, other] = [constant(left) ?? constant(right), constant(left) === undefined ? left : right]
  return value === undefined || isConstant(other) ? [] : [{ kind: 'is', of: render(other), value, truth }]
}

const MIRRORED = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const
const NEGATED = { '<': '>=', '<=': '>', '>': '<=', '>=': '<' } as const
type Order = keyof typeof MIRRORED

function order(name: Order, left: Expression, right: Expression, truth: boolean): readonly Statement[] {
  const [bound, of] = [longOf(right), left]
  const mirrored = longOf(left)
  if (bound !== undefined && !isConstant(of)) return [bounded(truth ? name : NEGATED[name], of, bound)]
  if (mirrored === undefined || isConstant(right)) return []
  return [bounded(truth ? MIRRORED[name] : NEGATED[MIRRORED[name]], right, mirrored)]
}

function bounded(name: Order, of: Expression, { value }: LongValue): Statement {
  const text = render(of)
  switch (name) {
    case '<':
      return { kind: 'at_most', of: text, most: value - 1n }
    case '<=':
      return { kind: 'at_most', of: text, most: value }
    case '>':
      return { kind: 'at_least', of: text, least: value + 1n }
    case '>=':
      return { kind: 'at_least', of: text, least: value }
  }
}

function members(of: Expression, items: readonly Expression[], truth: boolean): readonly Statement[] {
  if (isConstant(of)) return []
  return items.flatMap((each) => {
    const item = constant(each)
    return item === undefined ? [] : [{ kind: 'holds', of: render(of), item, truth }]
  })
}

function itemsOf(expression: Expression): readonly Expression[] {
  if (expression.op === 'set') return expression.items
  const value = constant(expression)
  return value?.kind === 'set'
    ? [...(value as SetValue).items.values()].map((item) => ({ op: 'value', value: item }))
    : []
}

function longOf(expression: Expression): LongValue | undefined {
  const value = constant(expression)
  return value?.kind === 'long' ? value : undefined
}

function constant(expression: Expression): Value | undefined {
  return expression.op === 'value' ? expression.value : undefined
}

/** Nothing of a request is read in it. */
export function isConstant(expression: Expression): boolean {
  return expression.op !== 'var' && children(expression).every(isConstant)
}

/** The same value, however it is written. */
export function same(one: Value, other: Value): boolean {
  return keyOf(one) === keyOf(other)
}
