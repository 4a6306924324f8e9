import type { Entities, Entity } from './entities.ts'
import { children, type Expression } from './expression.ts'
import { showDecimal } from './extensions/decimal.ts'
import { showIp } from './extensions/ip.ts'
import type { Json } from './json.ts'
import type { CedarPolicy } from './policy.ts'
import type { ScopeConstraint } from './scope.ts'
import { type EntityUid, entityUid, type RecordValue, type Value } from './value.ts'

/** A value in Cedar's own JSON form, for another engine to read. An unknown is not a value: what holds one can't be written. */
export function toCedarJson(value: Value): Json {
  switch (value.kind) {
    case 'bool':
    case 'string':
    case 'long':
      return value.value
    case 'entity':
      return { __entity: uidJson(value) }
    case 'set':
      return Array.from(value.items.values(), toCedarJson)
    case 'record':
      return fieldsJson(value.fields)
    case 'decimal':
      return extension('decimal', showDecimal(value))
    case 'ipaddr':
      return extension('ip', showIp(value))
    case 'datetime':
      // As Cedar prints one itself: a calendar's text would not reach as far as the value.
      return {
        __extn: {
          fn: 'offset',
          args: [extension('datetime', '1970-01-01'), extension('duration', `${value.value}ms`)],
        },
      }
    case 'duration':
      return extension('duration', `${value.value}ms`)
    case 'unknown':
      throw new TypeError('an unknown has no JSON form')
  }
}

function extension(fn: string, arg: string): Json {
  return { __extn: { fn, arg } }
}

export function uidJson({ type, id }: EntityUid): { readonly type: string; readonly id: string } {
  return { type, id }
}

/** A record without what is not known yet. */
export function fieldsJson(fields: Iterable<readonly [string, Value]>): { readonly [name: string]: Json } {
  const known = Array.from(fields).filter(([, value]) => value.kind !== 'unknown')
  return Object.fromEntries(known.map(([name, value]) => [name, toCedarJson(value)]))
}

/** The entities that a question can touch: those it names itself, those that policies name, and all above and behind them. */
export function entitiesJson(
  entities: Entities,
  named: Iterable<EntityUid>,
  context: RecordValue,
): readonly Json[] {
  const open = [...named, ...uidsIn(context)]
  const found = new Map<string, Json>()
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const entity = found.has(next.key) ? undefined : entities.get(next.key)
    if (entity === undefined) continue
    const parents = Array.from(entity.ancestors, uidOfKey)
    open.push(...parents, ...Array.from(entity.attrs, ([, value]) => uidsIn(value)).flat())
    open.push(...Array.from(entity.tags.values(), uidsIn).flat())
    found.set(next.key, entityJson(entity, parents))
  }
  return [...found.values()]
}

function entityJson({ uid, attrs, tags }: Entity, parents: readonly EntityUid[]): Json {
  return {
    uid: uidJson(uid),
    attrs: fieldsJson(attrs),
    tags: fieldsJson(tags),
    parents: parents.map(uidJson),
  }
}

/** A key is the type and the id as JSON: `Group::"staff"`. */
function uidOfKey(key: string): EntityUid {
  const at = key.indexOf('::"')
  return entityUid(key.slice(0, at), JSON.parse(key.slice(at + 2)) as string)
}

function uidsIn(value: Value): EntityUid[] {
  if (value.kind === 'entity') return [value]
  if (value.kind === 'set') return Array.from(value.items.values(), uidsIn).flat()
  return value.kind === 'record' ? Array.from(value.fields.values(), uidsIn).flat() : []
}

/** Every entity that a policy names, in its scope or in a clause. */
export function entitiesNamed(policy: CedarPolicy): EntityUid[] {
  const { principal, action, resource } = policy.scope
  const named = [principal, action, resource].flatMap(uidsOfScope)
  const open: Expression[] = policy.clauses.flatMap((clause) => clause.parts.map((part) => part.expression))
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next.op === 'value') named.push(...uidsIn(next.value))
    open.push(...children(next))
  }
  return named
}

function uidsOfScope(constraint: ScopeConstraint): readonly EntityUid[] {
  switch (constraint.op) {
    case 'all':
      return []
    case '==':
      return [constraint.entity]
    case 'in':
      return constraint.entities
    case 'is':
      return constraint.in === undefined ? [] : [constraint.in]
  }
}
