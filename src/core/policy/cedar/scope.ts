import { err, ok, type Result } from '../../result.ts'
import { readUid } from './from-json.ts'
import { isJsonArray, isJsonObject, type Json, member } from './json.ts'
import type { PolicyProblem } from './read-expression.ts'
import type { EntityUid } from './value.ts'

/** What the head of a policy asks of the principal, the action or the resource. */
export type ScopeConstraint =
  | { readonly op: 'all' }
  | { readonly op: '=='; readonly entity: EntityUid }
  | { readonly op: 'in'; readonly entities: readonly EntityUid[] }
  | { readonly op: 'is'; readonly type: string; readonly in?: EntityUid }

export type Scope = {
  readonly principal: ScopeConstraint
  readonly action: ScopeConstraint
  readonly resource: ScopeConstraint
}

/** A constraint that waits for a slot's value: `principal in ?principal`, `resource is Resource in ?resource`. */
export type SlotConstraint = { readonly slot: '==' | 'in' } | { readonly slot: 'is'; readonly type: string }

/** The head of a template. Cedar has slots for the principal and the resource alone. */
export type TemplateScope = {
  readonly principal: ScopeConstraint | SlotConstraint
  readonly action: ScopeConstraint
  readonly resource: ScopeConstraint | SlotConstraint
}

type JsonObject = { readonly [key: string]: Json }
type Read<T> = Result<T, PolicyProblem>

/** Reads the three constraints; a template's slot is `policy.unsupported`. */
export function readScope(est: JsonObject): Read<Scope> {
  const principal = withoutSlot(readConstraint(est, 'principal'))
  if (!principal.ok) return principal
  const action = withoutSlot(readConstraint(est, 'action'))
  if (!action.ok) return action
  const resource = withoutSlot(readConstraint(est, 'resource'))
  if (!resource.ok) return resource
  return ok({ principal: principal.value, action: action.value, resource: resource.value })
}

/** The same of a template, with what waits for the slots' values. */
export function readTemplateScope(est: JsonObject): Read<TemplateScope> {
  const principal = readConstraint(est, 'principal')
  if (!principal.ok) return principal
  const action = withoutSlot(readConstraint(est, 'action'))
  if (!action.ok) return action
  const resource = readConstraint(est, 'resource')
  if (!resource.ok) return resource
  return ok({ principal: principal.value, action: action.value, resource: resource.value })
}

export function isSlot(constraint: ScopeConstraint | SlotConstraint): constraint is SlotConstraint {
  return 'slot' in constraint
}

/** A constraint with a slot's value in its place. */
export function withSlot(constraint: SlotConstraint, entity: EntityUid): ScopeConstraint {
  switch (constraint.slot) {
    case '==':
      return { op: '==', entity }
    case 'in':
      return { op: 'in', entities: [entity] }
    case 'is':
      return { op: 'is', type: constraint.type, in: entity }
  }
}

function withoutSlot(read: Read<ScopeConstraint | SlotConstraint>): Read<ScopeConstraint> {
  if (!read.ok) return read
  return isSlot(read.value) ? no('unsupported', 'a template: its slot has no value') : ok(read.value)
}

type Part = keyof Scope

function readConstraint(est: JsonObject, part: Part): Read<ScopeConstraint | SlotConstraint> {
  const json = member(est, part)
  if (!isJsonObject(json)) return no('malformed', 'a part of the scope is missing')
  const op = member(json, 'op')
  const slot = member(json, 'slot')
  if (slot !== undefined) {
    if (slot !== `?${part}`) return no('malformed', `the slot of the ${part} is not ?${part}`)
    return op === '==' || op === 'in' ? ok({ slot: op }) : no('unsupported', `a slot with ${String(op)}`)
  }
  if (op === 'All') return ok({ op: 'all' })
  if (op === '==') return readEqual(json)
  if (op === 'in') return readIn(json)
  return op === 'is' ? readIs(json, part) : no('unsupported', `a scope with ${String(op)}`)
}

function readEqual(json: JsonObject): Read<ScopeConstraint> {
  const entity = readEntity(member(json, 'entity'))
  return entity.ok ? ok({ op: '==', entity: entity.value }) : entity
}

function readIn(json: JsonObject): Read<ScopeConstraint> {
  const listed = member(json, 'entities')
  const entities: EntityUid[] = []
  for (const item of isJsonArray(listed) ? listed : [member(json, 'entity')]) {
    const entity = readEntity(item)
    if (!entity.ok) return entity
    entities.push(entity.value)
  }
  return ok({ op: 'in', entities })
}

function readIs(json: JsonObject, part: Part): Read<ScopeConstraint | SlotConstraint> {
  const type = member(json, 'entity_type')
  if (typeof type !== 'string') return no('malformed', '`is` without a type')
  const within = member(json, 'in')
  if (within === undefined) return ok({ op: 'is', type })
  if (!isJsonObject(within)) return no('malformed', '`in` without an entity')
  const slot = member(within, 'slot')
  if (slot !== undefined && slot !== `?${part}`)
    return no('malformed', `the slot of the ${part} is not ?${part}`)
  if (slot !== undefined) return ok({ slot: 'is', type })
  const entity = readEntity(member(within, 'entity'))
  return entity.ok ? ok({ op: 'is', type, in: entity.value }) : entity
}

function readEntity(json: Json | undefined): Read<EntityUid> {
  const entity = readUid(json, 'the scope')
  return entity.ok ? entity : no('malformed', entity.error.says)
}

function no(kind: 'malformed' | 'unsupported', says: string): Result<never, PolicyProblem> {
  return err({ reason: `policy.${kind}`, says })
}
