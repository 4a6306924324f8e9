import { type CedarRequest, compile } from '../cedar/compile.ts'
import { NO_ENTITIES } from '../cedar/entities.ts'
import { children, type Expression } from '../cedar/expression.ts'
import type { CedarPolicy } from '../cedar/policy.ts'
import { literal, render } from '../cedar/render.ts'
import { entityUid, record } from '../cedar/value.ts'
import {
  isConstant,
  type Requirement,
  requirementsOf,
  type Statement,
  same,
  statementsOf,
} from './requirements.ts'

/** Why no request can meet all clauses at once, with a text of the policy that shows it. */
export type Contradiction = { readonly says: string; readonly at?: string }

/**
 * A contradiction among a policy's clauses, if one can be shown from their text alone. Shown are: what is written out as false; the same
 * expression that must be true and false; a value that must be two things, or be beyond its own bounds; an item that a set must hold and
 * not hold. What these don't show is not looked for.
 */
export function contradictionIn(policy: CedarPolicy): Contradiction | undefined {
  const requirements = requirementsOf(policy)
  return (
    requirements.map(falseByItself).find((found) => found !== undefined) ??
    trueAndFalse(requirements) ??
    amongStatements(requirements.flatMap(statementsOf))
  )
}

function falseByItself({ expression, truth }: Requirement): Contradiction | undefined {
  if (!isConstant(expression) || readsStore(expression)) return undefined
  const value = compile(expression)(NO_REQUEST, NO_ENTITIES)
  if (value.kind !== 'bool' || value.value === truth) return undefined
  const written = render(expression)
  return { says: `\`${written}\` is always ${value.value}, and must be ${truth}`, at: written }
}

const NOBODY = entityUid('', '')
const NO_REQUEST: CedarRequest = {
  principal: NOBODY,
  action: NOBODY,
  resource: NOBODY,
  context: record(new Map()),
}
const OF_STORE: ReadonlySet<string> = new Set(['in', 'hasTag', 'getTag'])

/** What an entity has or is in depends on what is declared, even where the policy names the entity itself. */
function readsStore(expression: Expression): boolean {
  const own =
    expression.op === 'attr' ||
    expression.op === 'has' ||
    (expression.op === 'is' && expression.in !== undefined) ||
    (expression.op === 'binary' && OF_STORE.has(expression.name))
  return own || children(expression).some(readsStore)
}

function trueAndFalse(requirements: readonly Requirement[]): Contradiction | undefined {
  const seen = new Map<string, boolean>()
  for (const { expression, truth } of requirements) {
    const text = render(expression)
    if (seen.get(text) === !truth) return { says: `\`${text}\` must be both true and false`, at: text }
    seen.set(text, truth)
  }
  return undefined
}

type Of<Kind extends Statement['kind']> = Extract<Statement, { kind: Kind }>

function amongStatements(statements: readonly Statement[]): Contradiction | undefined {
  const about = new Map<string, Statement[]>()
  for (const each of statements) about.set(each.of, [...(about.get(each.of) ?? []), each])
  for (const [of, all] of about) {
    const found = aboutOne(of, all)
    if (found) return { ...found, at: of }
  }
  return undefined
}

function aboutOne(of: string, all: readonly Statement[]): Contradiction | undefined {
  const is = all.filter((each): each is Of<'is'> => each.kind === 'is')
  const values = is.filter(({ truth }) => truth).map(({ value }) => value)
  const [first, ...others] = values
  const other = first && others.find((value) => !same(value, first))
  if (first && other) return { says: `\`${of}\` can't be both ${literal(first)} and ${literal(other)}` }
  const not = first && is.find(({ truth, value }) => !truth && same(value, first))
  if (not) return { says: `\`${of}\` can't be ${literal(not.value)} and not be it` }
  return outOfBounds(of, all, first?.kind === 'long' ? first.value : undefined) ?? heldAndNot(of, all)
}

function outOfBounds(
  of: string,
  all: readonly Statement[],
  is: bigint | undefined,
): Contradiction | undefined {
  const most = all.flatMap((each) => (each.kind === 'at_most' ? [each.most] : []))
  const least = all.flatMap((each) => (each.kind === 'at_least' ? [each.least] : []))
  const [highest, lowest] = [most.sort(byValue)[0] ?? is, least.sort(byValue).at(-1) ?? is]
  if (highest === undefined || lowest === undefined) return undefined
  const beyond = lowest > highest || (is !== undefined && (is > highest || is < lowest))
  return beyond ? { says: `\`${of}\` would have to be at least ${lowest} and at most ${highest}` } : undefined
}

function byValue(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b)
}

function heldAndNot(of: string, all: readonly Statement[]): Contradiction | undefined {
  const holds = all.filter((each): each is Of<'holds'> => each.kind === 'holds')
  for (const { item, truth } of holds) {
    if (truth && holds.some((each) => !each.truth && same(each.item, item)))
      return { says: `\`${of}\` would have to hold ${literal(item)} and lack it` }
  }
  return undefined
}
