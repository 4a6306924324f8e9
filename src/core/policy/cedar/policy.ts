import { err, ok, type Result } from '../../result.ts'
import { type CedarRequest, compile, type Run } from './compile.ts'
import { type NamedConditions, namedConditions } from './conditions-named.ts'
import type { Entities } from './entities.ts'
import type { Expression } from './expression.ts'
import { isJsonArray, isJsonObject, type Json, member, printExactJson } from './json.ts'
import { isWithin } from './operators.ts'
import { type PolicyProblem, readExpression } from './read-expression.ts'
import { readScope, type Scope, type ScopeConstraint } from './scope.ts'
import type { EntityUid } from './value.ts'

export type Effect = 'permit' | 'forbid'

/** One `when` or `unless`, with the parts of it that must all hold (`wanted` is what each must come to). */
export type Clause = {
  readonly kind: 'when' | 'unless'
  readonly parts: readonly { readonly expression: Expression; readonly run: Run }[]
}

/** What a scope looks at of a request. */
export type AskedScope = Pick<CedarRequest, 'principal' | 'action' | 'resource'>

/** A policy, read and compiled once, judged for every request. Holds no request and never changes. */
export type CedarPolicy = {
  readonly id: string
  readonly effect: Effect
  readonly annotations: ReadonlyMap<string, string>
  readonly scope: Scope
  readonly clauses: readonly Clause[]
  /** The conditions it names through `context.conditions`. */
  readonly conditions: NamedConditions
  readonly inScope: (asked: AskedScope, entities: Entities) => boolean
  /** As it was written, for another engine to read; absent where only its JSON form is known. Of a linked policy its template's. */
  readonly source?: string
  /** What it is made of, where it is a linked policy. */
  readonly filled?: FilledTemplate
}

/** A template and the values of its slots. */
export type FilledTemplate = { readonly template: string; readonly slots: Slots }
export type Slots = { readonly principal?: EntityUid; readonly resource?: EntityUid }

type Read<T> = Result<T, PolicyProblem>

/**
 * Reads a policy in Cedar's JSON form (EST) with exact numbers (`parseExactJson`), whole or not at all.
 * Reasons: `policy.malformed` (not that form), `policy.unsupported` (a template slot or an operator that isn't
 * known here), `policy.too_deep` (nested deeper than 64).
 */
export function preparePolicy(id: string, est: Json): Read<CedarPolicy> {
  const read = readWithScope(est, readScope)
  if (!read.ok) return read
  return ok({ id, ...read.value, inScope: compileScope(read.value.scope) })
}

type JsonObject = { readonly [key: string]: Json }

/** All of a policy, or of a template, but for its name. */
export type NamelessPolicy<S> = Pick<CedarPolicy, 'effect' | 'annotations' | 'clauses' | 'conditions'> & {
  readonly scope: S
}

export function readWithScope<S>(
  est: Json,
  readScopeOf: (est: JsonObject) => Read<S>,
): Read<NamelessPolicy<S>> {
  if (!isJsonObject(est)) return no('malformed', 'a policy is not an object')
  const effect = member(est, 'effect')
  if (effect !== 'permit' && effect !== 'forbid') return no('malformed', 'the effect is not permit or forbid')
  const scope = readScopeOf(est)
  if (!scope.ok) return scope
  const body = readBody(member(est, 'conditions'))
  if (!body.ok) return body
  const { clauses, conditions } = body.value
  const annotations = readAnnotations(member(est, 'annotations'))
  return ok({ effect, annotations, scope: scope.value, clauses, conditions })
}

const NO_ANNOTATIONS: ReadonlyMap<string, string> = new Map()

function readAnnotations(json: Json | undefined): ReadonlyMap<string, string> {
  const entries = isJsonObject(json) ? Object.entries(json) : []
  if (entries.length === 0) return NO_ANNOTATIONS
  return new Map(entries.map(([name, value]) => [name, typeof value === 'string' ? value : '']))
}

/** What a policy says after its scope. */
type Body = Pick<CedarPolicy, 'clauses' | 'conditions'>

/**
 * Many policies differ in their scopes alone, and what they say is then one body: compiled once, and at hand in the processor's cache for the
 * thousandth of them too. It is kept while a policy holds it.
 */
const bodies = new Map<string, WeakRef<Body>>()
/** Policies hold the clauses, and by them the rest. */
const whole = new WeakMap<readonly Clause[], Body>()
const forgotten = new FinalizationRegistry<string>((text) => {
  if (bodies.get(text)?.deref() === undefined) bodies.delete(text)
})

function readBody(json: Json | undefined): Read<Body> {
  const text = json === undefined ? '' : printExactJson(json)
  const known = bodies.get(text)?.deref()
  if (known) return ok(known)
  const clauses = readClauses(json)
  if (!clauses.ok) return clauses
  const expressions = clauses.value.flatMap(({ parts }) => parts.map(({ expression }) => expression))
  const body = { clauses: clauses.value, conditions: namedConditions(expressions) }
  bodies.set(text, new WeakRef(body))
  whole.set(body.clauses, body)
  forgotten.register(body, text)
  return ok(body)
}

function readClauses(json: Json | undefined): Read<Clause[]> {
  if (!isJsonArray(json)) return no('malformed', 'the conditions are not a list')
  const clauses: Clause[] = []
  for (const item of json) {
    const kind = isJsonObject(item) ? member(item, 'kind') : undefined
    const body = isJsonObject(item) ? member(item, 'body') : undefined
    if (kind !== 'when' && kind !== 'unless') return no('unsupported', 'a clause other than when and unless')
    if (body === undefined) return no('malformed', `an empty ${kind}`)
    const expression = readExpression(body)
    if (!expression.ok) return expression
    clauses.push(clause(kind, expression.value))
  }
  return ok(clauses)
}

/** `when { a && b }` has two parts, and so has `unless { a || b }`: an explanation can name the one that missed. */
function clause(kind: 'when' | 'unless', expression: Expression): Clause {
  const splits = kind === 'when' ? 'and' : 'or'
  const parts = expression.op === splits ? expression.items : [expression]
  return { kind, parts: parts.map((part) => ({ expression: part, run: compile(part) })) }
}

type Test = (uid: EntityUid, entities: Entities) => boolean

export function compileScope(scope: Scope): CedarPolicy['inScope'] {
  const principal = constraintTest(scope.principal)
  const action = constraintTest(scope.action)
  const resource = constraintTest(scope.resource)
  return (request, entities) =>
    principal(request.principal, entities) &&
    action(request.action, entities) &&
    resource(request.resource, entities)
}

/** Whether an entity meets a constraint of a scope. A scope can't fail: it only compares and looks up. */
export function constraintTest(constraint: ScopeConstraint): Test {
  switch (constraint.op) {
    case 'all':
      return () => true
    case '==':
      return (uid) => uid.key === constraint.entity.key
    case 'in':
      return (uid, entities) => constraint.entities.some((outer) => isWithin(uid, outer, entities))
    case 'is': {
      const { type, in: outer } = constraint
      if (outer === undefined) return (uid) => uid.type === type
      return (uid, entities) => uid.type === type && isWithin(uid, outer, entities)
    }
  }
}

function no(kind: 'malformed' | 'unsupported', says: string): Result<never, PolicyProblem> {
  return err({ reason: `policy.${kind}`, says })
}
