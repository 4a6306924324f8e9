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

type JsonObject = { readonly [key: string]: Json }
type Read<T> = Result<T, PolicyProblem>

/** Reads the three constraints; a template's slot is `policy.unsupported`. */
export function readScope(est: JsonObject): Read<Scope> {
  const principal = readConstraint(member(est, 'principal'))
  if (!principal.ok) return principal
  const action = readConstraint(member(est, 'action'))
  if (!action.ok) return action
  const resource = readConstraint(member(est, 'resource'))
  if (!resource.ok) return resource
  return ok({ principal: principal.value, action: action.value, resource: resource.value })
}

function readConstraint(json: Json | undefined): Read<ScopeConstraint> {
  if (!isJsonObject(json)) return no('malformed', 'a part of the scope is missing')
  if (Object.hasOwn(json, 'slot')) return no('unsupported', 'a template: its slot has no value')
  const op = member(json, 'op')
  if (op === 'All') return ok({ op: 'all' })
  if (op === '==') return readEqual(json)
  if (op === 'in') return readIn(json)
  return op === 'is' ? readIs(json) : no('unsupported', `a scope with ${String(op)}`)
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

function readIs(json: JsonObject): Read<ScopeConstraint> {
  const type = member(json, 'entity_type')
  if (typeof type !== 'string') return no('malformed', '`is` without a type')
  const within = member(json, 'in')
  if (within === undefined) return ok({ op: 'is', type })
  if (!isJsonObject(within)) return no('malformed', '`in` without an entity')
  if (Object.hasOwn(within, 'slot')) return no('unsupported', 'a template: its slot has no value')
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
