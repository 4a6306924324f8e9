import type { ExtensionFunction } from './extensions/functions.ts'
import type { Pattern } from './like.ts'
import type { Value } from './value.ts'

export type Variable = 'principal' | 'action' | 'resource' | 'context'

export type BinaryName =
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | 'in'
  | '+'
  | '-'
  | '*'
  | 'contains'
  | 'containsAll'
  | 'containsAny'
  | 'getTag'
  | 'hasTag'

export type UnaryName = '!' | 'neg' | 'isEmpty'

/** A Cedar expression, read from the JSON form. `a && b && c` is one node: its length is not its depth. */
export type Expression =
  | { readonly op: 'value'; readonly value: Value }
  | { readonly op: 'var'; readonly name: Variable }
  | { readonly op: 'and' | 'or'; readonly items: readonly Expression[] }
  | { readonly op: 'unary'; readonly name: UnaryName; readonly arg: Expression }
  | {
      readonly op: 'binary'
      readonly name: BinaryName
      readonly left: Expression
      readonly right: Expression
    }
  | { readonly op: 'attr'; readonly of: Expression; readonly name: string }
  | { readonly op: 'has'; readonly of: Expression; readonly path: readonly string[] }
  | { readonly op: 'like'; readonly of: Expression; readonly pattern: Pattern }
  | { readonly op: 'is'; readonly of: Expression; readonly type: string; readonly in?: Expression }
  | { readonly op: 'if'; readonly test: Expression; readonly yes: Expression; readonly no: Expression }
  | { readonly op: 'set'; readonly items: readonly Expression[] }
  | { readonly op: 'record'; readonly fields: readonly (readonly [string, Expression])[] }
  | { readonly op: 'call'; readonly fn: ExtensionFunction; readonly args: readonly Expression[] }

/** The expressions directly inside one. */
export function children(expression: Expression): readonly Expression[] {
  switch (expression.op) {
    case 'value':
    case 'var':
      return []
    case 'and':
    case 'or':
    case 'set':
      return expression.items
    case 'unary':
      return [expression.arg]
    case 'binary':
      return [expression.left, expression.right]
    case 'attr':
    case 'has':
    case 'like':
      return [expression.of]
    case 'is':
      return expression.in === undefined ? [expression.of] : [expression.of, expression.in]
    case 'if':
      return [expression.test, expression.yes, expression.no]
    case 'record':
      return expression.fields.map(([, value]) => value)
    case 'call':
      return expression.args
  }
}
