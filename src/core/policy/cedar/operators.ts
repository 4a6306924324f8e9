import type { Entities, Entity } from './entities.ts'
import type { BinaryName, UnaryName } from './expression.ts'
import {
  bool,
  type EntityUid,
  equal,
  FALSE,
  type Failure,
  failure,
  holdsAll,
  isOpen,
  keyOf,
  long,
  type Outcome,
  type SetValue,
  TRUE,
  UNKNOWN,
  type Value,
} from './value.ts'

/** An operator over values that were already computed, so neither side is a failure. */
export type BinaryOperator = (left: Value, right: Value, entities: Entities) => Outcome
export type UnaryOperator = (arg: Value) => Outcome

export function wrongType(what: string, wanted: string, got: Value): Failure {
  return failure('type', `${what} needs a ${wanted}, not a ${got.kind}`)
}

function arithmetic(name: string, apply: (left: bigint, right: bigint) => bigint): BinaryOperator {
  return (left, right) => {
    if (left.kind !== 'long' && left.kind !== 'unknown') return wrongType(name, 'long', left)
    if (right.kind !== 'long' && right.kind !== 'unknown') return wrongType(name, 'long', right)
    if (left.kind === 'unknown' || right.kind === 'unknown') return UNKNOWN
    return long(apply(left.value, right.value))
  }
}

const ORDERED: ReadonlySet<Value['kind']> = new Set(['long', 'datetime', 'duration', 'unknown'])

/** Orders Longs, datetimes and durations, each among themselves; decimals have methods instead. */
function comparison(name: string, holds: (left: bigint, right: bigint) => boolean): BinaryOperator {
  return (left, right) => {
    if (left.kind === 'long' && right.kind === 'long') return bool(holds(left.value, right.value))
    if (!ORDERED.has(left.kind)) return wrongType(name, 'long, datetime or duration', left)
    if (!ORDERED.has(right.kind)) return wrongType(name, 'long, datetime or duration', right)
    if (left.kind === 'unknown' || right.kind === 'unknown') return UNKNOWN
    if (left.kind === 'datetime' && right.kind === 'datetime') return bool(holds(left.value, right.value))
    if (left.kind === 'duration' && right.kind === 'duration') return bool(holds(left.value, right.value))
    return wrongType(name, left.kind, right)
  }
}

function equality(wanted: boolean): BinaryOperator {
  return (left, right) => (isOpen(left) || isOpen(right) ? UNKNOWN : bool(equal(left, right) === wanted))
}

/** Whether `inner` is `outer` or below it. An entity that isn't in the store has no ancestors. */
export function isWithin(inner: EntityUid, outer: EntityUid, entities: Entities): boolean {
  return inner.key === outer.key || (entities.get(inner.key)?.ancestors.has(outer.key) ?? false)
}

function hierarchy(left: Value, right: Value, entities: Entities): Outcome {
  if (left.kind !== 'entity' && left.kind !== 'unknown') return wrongType('in', 'entity', left)
  if (right.kind === 'entity' && left.kind === 'entity') return bool(isWithin(left, right, entities))
  if (right.kind === 'entity' || right.kind === 'unknown') return UNKNOWN
  if (right.kind !== 'set') return wrongType('in', 'entity or a set of them', right)
  // Every item is looked at before any decides: one that is no entity is an error even beside a match.
  let found = false
  for (const item of right.items.values()) {
    if (item.kind !== 'entity') return wrongType('in', 'set of entities', item)
    found ||= left.kind === 'entity' && isWithin(left, item, entities)
  }
  return left.kind === 'unknown' ? UNKNOWN : bool(found)
}

function contains(left: Value, right: Value): Outcome {
  if (left.kind === 'unknown') return UNKNOWN
  if (left.kind !== 'set') return wrongType('contains', 'set', left)
  return isOpen(right) ? UNKNOWN : bool(left.items.has(keyOf(right)))
}

function overSets(name: string, holds: (left: SetValue, right: SetValue) => boolean): BinaryOperator {
  return (left, right) => {
    if (left.kind !== 'set' && left.kind !== 'unknown') return wrongType(name, 'set', left)
    if (right.kind !== 'set' && right.kind !== 'unknown') return wrongType(name, 'set', right)
    return left.kind === 'set' && right.kind === 'set' ? bool(holds(left, right)) : UNKNOWN
  }
}

function holdsAny(set: SetValue, wanted: SetValue): boolean {
  for (const key of wanted.items.keys()) if (set.items.has(key)) return true
  return false
}

function tagged(
  name: string,
  found: (entity: Entity | undefined, uid: EntityUid, tag: string) => Outcome,
): BinaryOperator {
  return (left, right, entities) => {
    if (left.kind !== 'entity' && left.kind !== 'unknown') return wrongType(name, 'entity', left)
    if (right.kind !== 'string' && right.kind !== 'unknown') return wrongType(name, 'string', right)
    if (left.kind === 'unknown' || right.kind === 'unknown') return UNKNOWN
    return found(entities.get(left.key), left, right.value)
  }
}

function getTag(entity: Entity | undefined, uid: EntityUid, tag: string): Outcome {
  if (entity === undefined) return failure('entity', `${uid.key} is not known`)
  return entity.tags.get(tag) ?? failure('tag', `${uid.key} has no tag ${JSON.stringify(tag)}`)
}

export const BINARY_OPERATORS: Readonly<Record<BinaryName, BinaryOperator>> = {
  '==': equality(true),
  '!=': equality(false),
  '<': comparison('<', (left, right) => left < right),
  '<=': comparison('<=', (left, right) => left <= right),
  '>': comparison('>', (left, right) => left > right),
  '>=': comparison('>=', (left, right) => left >= right),
  in: hierarchy,
  '+': arithmetic('+', (left, right) => left + right),
  '-': arithmetic('-', (left, right) => left - right),
  '*': arithmetic('*', (left, right) => left * right),
  contains,
  containsAll: overSets('containsAll', holdsAll),
  containsAny: overSets('containsAny', holdsAny),
  getTag: tagged('getTag', getTag),
  hasTag: tagged('hasTag', (entity, _uid, tag) => bool(entity?.tags.has(tag) ?? false)),
}

function not(arg: Value): Outcome {
  if (arg.kind === 'unknown') return UNKNOWN
  if (arg.kind !== 'bool') return wrongType('!', 'bool', arg)
  return arg.value ? FALSE : TRUE
}

function negate(arg: Value): Outcome {
  if (arg.kind === 'unknown') return UNKNOWN
  return arg.kind === 'long' ? long(-arg.value) : wrongType('-', 'long', arg)
}

function isEmpty(arg: Value): Outcome {
  if (arg.kind === 'unknown') return UNKNOWN
  return arg.kind === 'set' ? bool(arg.items.size === 0) : wrongType('isEmpty', 'set', arg)
}

export const UNARY_OPERATORS: Readonly<Record<UnaryName, UnaryOperator>> = { '!': not, neg: negate, isEmpty }

/** `of.name`: an attribute of a record or of a known entity. */
export function attribute(of: Value, name: string, entities: Entities): Outcome {
  if (of.kind === 'record') {
    return of.fields.get(name) ?? failure('attribute', `the record has no attribute ${JSON.stringify(name)}`)
  }
  if (of.kind === 'unknown') return UNKNOWN
  if (of.kind !== 'entity') return wrongType(`.${name}`, 'record or entity', of)
  const entity = entities.get(of.key)
  if (entity === undefined) return failure('entity', `${of.key} is not known`)
  return entity.attrs.get(name) ?? failure('attribute', `${of.key} has no attribute ${JSON.stringify(name)}`)
}

function hasOne(of: Value, name: string, entities: Entities): Outcome {
  if (of.kind === 'record') return bool(of.fields.has(name))
  if (of.kind === 'unknown') return UNKNOWN
  if (of.kind !== 'entity') return wrongType('has', 'record or entity', of)
  return bool(entities.get(of.key)?.attrs.get(name) !== undefined)
}

/** `of has a.b.c`: false at the first step that is missing; a step that is no record or entity is an error. */
export function has(of: Value, path: readonly string[], entities: Entities): Outcome {
  let at = of
  for (const [index, name] of path.entries()) {
    const found = hasOne(at, name, entities)
    if (found.kind !== 'bool' || !found.value || index === path.length - 1) return found
    const next = attribute(at, name, entities)
    if (next.kind === 'failure') return next
    at = next
  }
  return TRUE
}
