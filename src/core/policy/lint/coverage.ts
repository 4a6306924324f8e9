import type { Entities } from '../cedar/cedar.ts'
import { isWithin } from '../cedar/operators.ts'
import type { CedarPolicy } from '../cedar/policy.ts'
import { render } from '../cedar/render.ts'
import type { ScopeConstraint } from '../cedar/scope.ts'
import type { EntityUid } from '../cedar/value.ts'

/**
 * Whether whatever meets `inner` meets `outer` too: its scope is wider or the same, and each of its clauses stands in `inner` as well.
 * Certain where it says so; where it doesn't, nothing is known. A scope covers another for all time, not just for the tools that are
 * declared today.
 */
export function covers(outer: CedarPolicy, inner: CedarPolicy, entities: Entities): boolean {
  return (
    coversScope(outer.scope.principal, inner.scope.principal, entities) &&
    coversScope(outer.scope.action, inner.scope.action, entities) &&
    coversScope(outer.scope.resource, inner.scope.resource, entities) &&
    hasClausesOf(inner, outer)
  )
}

/** What one is satisfied by, the other is too: each was evaluated to its wanted value there. */
function hasClausesOf(inner: CedarPolicy, outer: CedarPolicy): boolean {
  const own = new Set(partsOf(inner))
  return partsOf(outer).every((part) => own.has(part))
}

function partsOf({ clauses }: CedarPolicy): readonly string[] {
  return clauses.flatMap(({ kind, parts }) => parts.map(({ expression }) => `${kind} ${render(expression)}`))
}

function coversScope(outer: ScopeConstraint, inner: ScopeConstraint, entities: Entities): boolean {
  switch (outer.op) {
    case 'all':
      return true
    case '==':
      return inner.op === '==' && inner.entity.key === outer.entity.key
    case 'in':
      return everyIn(inner, (uid) => outer.entities.some((each) => isWithin(uid, each, entities)))
    case 'is':
      return ofType(inner, outer.type) && (outer.in === undefined || within(inner, outer.in, entities))
  }
}

function within(inner: ScopeConstraint, group: EntityUid, entities: Entities): boolean {
  return everyIn(inner, (uid) => isWithin(uid, group, entities))
}

/** Whether all that a constraint names pass; what names nothing may be anything. */
function everyIn(inner: ScopeConstraint, passes: (uid: EntityUid) => boolean): boolean {
  switch (inner.op) {
    case 'all':
      return false
    case '==':
      return passes(inner.entity)
    case 'in':
      return inner.entities.every(passes)
    case 'is':
      return inner.in !== undefined && passes(inner.in)
  }
}

/** In a group are only those whose kind its name says. */
function ofType(inner: ScopeConstraint, type: string): boolean {
  if (inner.op === 'is') return inner.type === type
  return everyIn(inner, (uid) => uid.type === type || uid.type === `${type}Group`)
}
