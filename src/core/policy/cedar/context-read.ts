import { children, type Expression } from './expression.ts'
import type { CedarPolicy } from './policy.ts'

/** Whether a policy's clauses read `context.<name>`, ask whether it is there, or take the whole context. */
export function readsOfContext({ clauses }: CedarPolicy, name: string): boolean {
  return clauses.some(({ parts }) => parts.some(({ expression }) => reads(expression, name)))
}

function reads(expression: Expression, name: string): boolean {
  if (expression.op === 'var') return expression.name === 'context'
  const ofContext =
    (expression.op === 'attr' || expression.op === 'has') &&
    expression.of.op === 'var' &&
    expression.of.name === 'context'
  if (ofContext) return (expression.op === 'attr' ? expression.name : expression.path[0]) === name
  return children(expression).some((child) => reads(child, name))
}
