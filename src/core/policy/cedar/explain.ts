import type { CedarRequest } from './compile.ts'
import { compile } from './compile.ts'
import type { Entities } from './entities.ts'
import type { BinaryName, Expression } from './expression.ts'
import { showDatetime } from './extensions/datetime.ts'
import { showDecimal } from './extensions/decimal.ts'
import { showIp } from './extensions/ip.ts'
import { type CedarPolicy, type Clause, constraintTest } from './policy.ts'
import { literal, render } from './render.ts'
import type { ScopeConstraint } from './scope.ts'
import type { EntityUid, Outcome, SetValue, Value } from './value.ts'

/** The first part of a policy that kept it from being satisfied. */
export type Miss = {
  readonly part: 'principal' | 'action' | 'resource' | 'when' | 'unless'
  /** That part in Cedar's syntax: `context.input.customer_id == principal.customer_id`. */
  readonly clause: string
  /** What it met: `"c-77" is not "c-42"`. Holds values of the request: show it only to who may see them. */
  readonly says: string
  readonly outcome: 'unsatisfied' | 'unknown' | 'error'
}

type Asked = { readonly request: CedarRequest; readonly entities: Entities }

/** Why a policy is not satisfied, or undefined when it is. A certain miss is preferred to one that is only unknown. */
export function explainPolicy(
  policy: CedarPolicy,
  request: CedarRequest,
  entities: Entities,
): Miss | undefined {
  const asked = { request, entities }
  for (const part of ['principal', 'action', 'resource'] as const) {
    const constraint = policy.scope[part]
    if (!constraintTest(constraint)(request[part], entities))
      return scopeMiss(part, request[part], constraint)
  }
  let open: Miss | undefined
  for (const clause of policy.clauses) {
    const miss = clauseMiss(clause, asked)
    if (miss?.outcome === 'unsatisfied' || (miss?.outcome === 'error' && open === undefined)) return miss
    open ??= miss
  }
  return open
}

/** A part of a policy that is as it asks to be, and the values that it met. */
export type Met = { readonly clause: string; readonly says: string }

/** By what a policy is satisfied: each part of its clauses; nothing where its scope alone is enough. Only for one that is satisfied. */
export function explainMatch(policy: CedarPolicy, request: CedarRequest, entities: Entities): readonly Met[] {
  const asked = { request, entities }
  return policy.clauses.flatMap(({ kind, parts }) =>
    parts.map(({ expression }) => ({
      clause: kind === 'when' ? render(expression) : `unless ${render(expression)}`,
      says: because(expression, kind === 'when', asked),
    })),
  )
}

function scopeMiss(
  part: 'principal' | 'action' | 'resource',
  uid: EntityUid,
  constraint: ScopeConstraint,
): Miss {
  const name = literal(uid)
  const { clause, says } = scopeText(constraint)
  return { part, clause: `${part} ${clause}`, says: `${name} ${says}`, outcome: 'unsatisfied' }
}

function scopeText(constraint: ScopeConstraint): { clause: string; says: string } {
  switch (constraint.op) {
    case 'all':
      return { clause: '', says: 'is anyone' }
    case '==':
      return { clause: `== ${literal(constraint.entity)}`, says: `is not ${literal(constraint.entity)}` }
    case 'in': {
      const [only, ...others] = constraint.entities.map(literal)
      const outer = others.length === 0 ? (only ?? '[]') : `[${[only, ...others].join(', ')}]`
      return { clause: `in ${outer}`, says: `is not in ${outer}` }
    }
    case 'is': {
      const outer = constraint.in === undefined ? '' : ` in ${literal(constraint.in)}`
      return { clause: `is ${constraint.type}${outer}`, says: `is not ${constraint.type}${outer}` }
    }
  }
}

function clauseMiss(clause: Clause, asked: Asked): Miss | undefined {
  const wanted = clause.kind === 'when'
  let open: Miss | undefined
  for (const { expression, run } of clause.parts) {
    const outcome = run(asked.request, asked.entities)
    if (outcome.kind === 'bool' && outcome.value === wanted) continue
    const miss = partMiss(clause.kind, expression, outcome, asked)
    if (miss.outcome === 'unsatisfied' || open === undefined) open = miss
    if (miss.outcome !== 'unknown') return open
  }
  return open
}

function partMiss(part: 'when' | 'unless', expression: Expression, outcome: Outcome, asked: Asked): Miss {
  const clause = render(expression)
  if (outcome.kind === 'unknown') {
    return { part, clause, says: 'depends on what is not known yet', outcome: 'unknown' }
  }
  if (outcome.kind === 'failure') return { part, clause, says: outcome.says, outcome: 'error' }
  if (outcome.kind !== 'bool')
    return { part, clause, says: `is no true or false, but ${show(outcome)}`, outcome: 'error' }
  return { part, clause, says: because(expression, outcome.value, asked), outcome: 'unsatisfied' }
}

/** Why an expression came to `truth`, in the values that were met. */
function because(expression: Expression, truth: boolean, asked: Asked): string {
  switch (expression.op) {
    case 'binary':
      return binaryBecause(expression, truth, asked)
    case 'unary':
      if (expression.name === '!') return because(expression.arg, !truth, asked)
      return truth ? `${render(expression.arg)} is empty` : `${met(expression.arg, asked)} is not empty`
    case 'and':
    case 'or':
      return chainBecause(expression, truth, asked)
    case 'has':
      return `${render(expression.of)} has ${truth ? '' : 'no '}${expression.path.join('.')}`
    case 'like':
    case 'is':
      return `${met(expression.of, asked)} is ${truth ? '' : 'not '}${tail(expression)}`
    default:
      return `${render(expression)} is ${truth}`
  }
}

function tail(expression: Extract<Expression, { op: 'like' | 'is' }>): string {
  if (expression.op === 'like') return render(expression).slice(render(expression.of).length + 1)
  return expression.in === undefined ? expression.type : `${expression.type} in ${render(expression.in)}`
}

/** A chain that one item decided is explained by that item; else by all of them. */
function chainBecause(
  expression: Extract<Expression, { op: 'and' | 'or' }>,
  truth: boolean,
  asked: Asked,
): string {
  const outcomes = expression.items.map((item) => ({
    item,
    value: compile(item)(asked.request, asked.entities),
  }))
  const alike = outcomes.filter(({ value }) => value.kind === 'bool' && value.value === truth)
  const decided = truth === (expression.op === 'or') ? alike.slice(0, 1) : alike
  return decided.map(({ item }) => because(item, truth, asked)).join(', and ')
}

type Phrases = readonly [whenFalse: string, whenTrue: string]

const PHRASES: Readonly<Record<BinaryName, Phrases>> = {
  '==': ['is not', 'is'],
  '!=': ['is', 'is not'],
  '<': ['is not less than', 'is less than'],
  '<=': ['is more than', 'is at most'],
  '>': ['is not more than', 'is more than'],
  '>=': ['is less than', 'is at least'],
  in: ['is not in', 'is in'],
  contains: ['lacks', 'holds'],
  containsAll: ['lacks', 'holds'],
  containsAny: ['has none of', 'has one of'],
  hasTag: ['has no tag', 'has the tag'],
  getTag: ['has the tag false for', 'has the tag true for'],
  '+': ['and', 'and'],
  '-': ['and', 'and'],
  '*': ['and', 'and'],
}

function binaryBecause(
  expression: Extract<Expression, { op: 'binary' }>,
  truth: boolean,
  asked: Asked,
): string {
  const left = computed(expression.left, asked)
  const right = computed(expression.right, asked)
  const phrase = PHRASES[expression.name][truth ? 1 : 0]
  if (expression.name === 'containsAll' && !truth && left?.kind === 'set' && right?.kind === 'set') {
    return `${show(left)} ${phrase} ${missing(left, right).map(show).join(', ')}`
  }
  return `${shown(left)} ${phrase} ${shown(right)}`
}

function missing(set: SetValue, wanted: SetValue): Value[] {
  return [...wanted.items].filter(([key]) => !set.items.has(key)).map(([, value]) => value)
}

function computed(expression: Expression, asked: Asked): Value | undefined {
  const outcome = compile(expression)(asked.request, asked.entities)
  return outcome.kind === 'failure' ? undefined : outcome
}

function met(expression: Expression, asked: Asked): string {
  return shown(computed(expression, asked))
}

function shown(value: Value | undefined): string {
  return value === undefined ? 'nothing' : show(value)
}

const LONGEST = 200

/** A value for people: numbers, addresses and times as they are usually written; long ones cut. */
export function show(value: Value): string {
  const text = plain(value)
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text
}

function plain(value: Value): string {
  if (value.kind === 'decimal') return showDecimal(value).replace(/\.?0+$/, '')
  if (value.kind === 'ipaddr') return showIp(value)
  if (value.kind === 'datetime') return showDatetime(value)
  return value.kind === 'duration' ? `${value.value} ms` : literal(value)
}
