import { children, type Expression } from './expression.ts'
import type { Value } from './value.ts'

/**
 * The conditions that a policy names: `context.conditions.contains("x")`, `containsAll([…])`, `containsAny([…])`.
 * `otherUse` says that it reads `context.conditions` (or the whole context) in another way, so that no list of
 * names could be complete.
 */
export type NamedConditions = { readonly names: ReadonlySet<string>; readonly otherUse: boolean }

const NAMING: ReadonlySet<string> = new Set(['contains', 'containsAll', 'containsAny'])

export function namedConditions(expressions: readonly Expression[]): NamedConditions {
  const names = new Set<string>()
  let otherUse = false
  const open = [...expressions]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const named = namesIn(next)
    if (named !== undefined) for (const name of named) names.add(name)
    else if (isConditions(next) || isContext(next) || hasConditions(next)) otherUse = true
    else open.push(...(readsOneOther(next) ? [] : children(next)))
  }
  return { names, otherUse }
}

function isContext(expression: Expression): boolean {
  return expression.op === 'var' && expression.name === 'context'
}

function isConditions(expression: Expression): boolean {
  return expression.op === 'attr' && expression.name === 'conditions' && isContext(expression.of)
}

function hasConditions(expression: Expression): boolean {
  return expression.op === 'has' && isContext(expression.of) && expression.path[0] === 'conditions'
}

/** `context.input`, `context has input`: reads something else of the context. */
function readsOneOther(expression: Expression): boolean {
  return (expression.op === 'attr' || expression.op === 'has') && isContext(expression.of)
}

function namesIn(expression: Expression): readonly string[] | undefined {
  if (expression.op !== 'binary' || !NAMING.has(expression.name) || !isConditions(expression.left)) {
    return undefined
  }
  if (expression.name === 'contains') return strings([expression.right])
  if (expression.right.op === 'set') return strings(expression.right.items)
  return expression.right.op === 'value' ? stringsOf(expression.right.value) : undefined
}

function strings(items: readonly Expression[]): readonly string[] | undefined {
  const names = items.map((item) =>
    item.op === 'value' && item.value.kind === 'string' ? item.value.value : undefined,
  )
  return names.every((name) => name !== undefined) ? names : undefined
}

function stringsOf(value: Value): readonly string[] | undefined {
  if (value.kind !== 'set') return undefined
  return strings([...value.items.values()].map((item) => ({ op: 'value', value: item })))
}
