import { emptyNode, find, isEmpty, type Node, type Own, put, take } from '../persistent-map.ts'
import type { CedarPolicy, Entities, Entity, EntityUid, ScopeConstraint } from './cedar/cedar.ts'

/**
 * Policies by what their scope asks of the principal, then of the action, then of the resource, so that a question touches only those
 * that can match. It may find too much, never too little: `loose` are those that can't be filed exactly (`is T in e` is filed under `e`
 * alone, a long list of actions under anything), and the scope of each is asked again.
 */
export type PolicyIndex = { readonly exact: Filed; readonly loose: Filed }
type Filed = Level<Level<Level<Bucket>>>
/** In no order. */
type Bucket = readonly CedarPolicy[]

/** What is filed under one constraint: on anything, on a type, on one entity, on whatever is within one. */
type Level<V> = {
  readonly any: V | undefined
  readonly types: Node<V>
  readonly same: Node<V>
  readonly within: Node<V>
}
type Place = { readonly under: 'any' } | { readonly under: 'types' | 'same' | 'within'; readonly key: string }

const EMPTY_LEVEL: Level<never> = {
  any: undefined,
  types: emptyNode(),
  same: emptyNode(),
  within: emptyNode(),
}
export const EMPTY_INDEX: PolicyIndex = { exact: EMPTY_LEVEL, loose: EMPTY_LEVEL }

/** A policy that lists more actions than this is filed under none of them, lest one policy fill the memory of thousands. */
const MOST_PLACES = 32

/** The three that a scope looks at, with what each is within. */
export type Asked = { readonly principal: Entity; readonly action: Entity; readonly resource: Entity }

/** Every policy that has the question in its scope, each once, in no order. `entities` are asked where the index is not exact. */
export function policiesInScope(
  index: PolicyIndex,
  asked: Asked,
  entities: Entities,
): readonly CedarPolicy[] {
  const found: CedarPolicy[] = []
  addFiled(found, index.exact, asked)
  if (index.loose === EMPTY_LEVEL) return eachOnce(found)
  const loose: CedarPolicy[] = []
  addFiled(loose, index.loose, asked)
  const request = { principal: asked.principal.uid, action: asked.action.uid, resource: asked.resource.uid }
  for (const policy of loose) if (policy.inScope(request, entities)) found.push(policy)
  return eachOnce(found)
}

function addFiled(found: CedarPolicy[], filed: Filed, { principal, action, resource }: Asked): void {
  const inBucket = (bucket: Bucket) => {
    for (const policy of bucket) found.push(policy)
  }
  const inResources = (byResource: Level<Bucket>) => eachMet(resource, byResource, inBucket)
  const inActions = (byAction: Level<Level<Bucket>>) => eachMet(action, byAction, inResources)
  eachMet(principal, filed, inActions)
}

/** What is filed under constraints that the entity meets. */
function eachMet<V>(
  { uid, ancestors }: Entity,
  { any, types, same, within }: Level<V>,
  visit: (met: V) => void,
): void {
  if (any !== undefined) visit(any)
  if (!isEmpty(types)) visitFound(types, uid.type, visit)
  if (!isEmpty(same)) visitFound(same, uid.key, visit)
  if (isEmpty(within)) return
  visitFound(within, uid.key, visit)
  for (const above of ancestors) visitFound(within, above, visit)
}

function visitFound<V>(node: Node<V>, key: string, visit: (met: V) => void): void {
  const met = find(node, key)
  if (met !== undefined) visit(met)
}

function isLoose({ scope: { principal, action, resource } }: CedarPolicy): boolean {
  const long = action.op === 'in' && action.entities.length > MOST_PLACES
  return long || isTypeWithin(principal) || isTypeWithin(action) || isTypeWithin(resource)
}

function isTypeWithin(constraint: ScopeConstraint): boolean {
  return constraint.op === 'is' && constraint.in !== undefined
}

/** A policy that lists several actions stands under each of them, and may be met by more than one. */
function eachOnce(found: readonly CedarPolicy[]): readonly CedarPolicy[] {
  if (found.length > FEW) return [...new Set(found)]
  return found.every((policy, at) => found.indexOf(policy) === at)
    ? found
    : found.filter((policy, at) => found.indexOf(policy) === at)
}
/** Up to this many are looked through quicker than a set is made of them. */
const FEW = 64

/** Order of policies wherever they are told. */
export function byId(a: CedarPolicy, b: CedarPolicy): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}

const ANYWHERE: readonly Place[] = [{ under: 'any' }]

function placesOf(constraint: ScopeConstraint): readonly Place[] {
  switch (constraint.op) {
    case 'all':
      return ANYWHERE
    case '==':
      return [{ under: 'same', key: constraint.entity.key }]
    case 'in':
      return constraint.entities.length > MOST_PLACES ? ANYWHERE : within(constraint.entities)
    case 'is':
      return constraint.in ? within([constraint.in]) : [{ under: 'types', key: constraint.type }]
  }
}

function within(entities: readonly EntityUid[]): readonly Place[] {
  const keys = new Set(entities.map(({ key }) => key))
  return Array.from(keys, (key) => ({ under: 'within', key }))
}

/** An edit of an index: `index` is what it has come to. */
export type IndexEdit = { index: PolicyIndex; readonly own: Own }

export function openIndex(index: PolicyIndex): IndexEdit {
  return { index, own: new Set() }
}

export function addToIndex(edit: IndexEdit, policy: CedarPolicy): void {
  eachPlace(edit, policy, (bucket = []) => {
    const mine = ownBucket(edit, bucket)
    mine.push(policy)
    return mine
  })
}

export function takeFromIndex(edit: IndexEdit, policy: CedarPolicy): void {
  eachPlace(edit, policy, (bucket = []) => {
    if (bucket.length <= 1) return undefined
    const mine = ownBucket(edit, bucket)
    mine.splice(mine.indexOf(policy), 1)
    return mine
  })
}

function ownBucket({ own }: IndexEdit, bucket: Bucket): CedarPolicy[] {
  if (own.has(bucket)) return bucket as CedarPolicy[]
  const copy = bucket.slice()
  own.add(copy)
  return copy
}

/** What stands in a place after a change; nothing takes the place away. */
type Change<V> = (before: V | undefined) => V | undefined

function eachPlace(edit: IndexEdit, policy: CedarPolicy, change: Change<Bucket>): void {
  const { own } = edit
  const { principal, action, resource } = policy.scope
  const part = isLoose(policy) ? 'loose' : 'exact'
  for (const who of placesOf(principal))
    for (const what of placesOf(action))
      for (const where of placesOf(resource)) {
        const place = inLevel(who, own, inLevel(what, own, inLevel(where, own, change)))
        edit.index = { ...edit.index, [part]: place(edit.index[part]) ?? EMPTY_LEVEL }
      }
}

function inLevel<V>(place: Place, own: Own, change: Change<V>): Change<Level<V>> {
  return (level = EMPTY_LEVEL) => {
    if (place.under === 'any') return filled({ ...level, any: change(level.any) })
    const node = level[place.under]
    const after = change(find(node, place.key))
    const next = after === undefined ? take(node, place.key, own) : put(node, place.key, after, own)
    return filled({ ...level, [place.under]: next })
  }
}

function filled<V>(level: Level<V>): Level<V> | undefined {
  const { any, types, same, within: inside } = level
  return any === undefined && isEmpty(types) && isEmpty(same) && isEmpty(inside) ? undefined : level
}
