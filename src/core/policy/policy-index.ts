import { emptyNode, find, isEmpty, type Node, type Own, put, take } from '../persistent-map.ts'
import type { CedarPolicy, CedarRequest, Entities, EntityUid, ScopeConstraint } from './cedar/cedar.ts'

/**
 * Policies by what their scope asks of the principal, then of the action, then of the resource, so that a question touches only those
 * that can match. It may find too much, never too little: what it finds is held against the scope again.
 */
export type PolicyIndex = Node<ByAction>
type ByAction = Node<ByResource>
type ByResource = Node<Bucket>
/** Sorted by id. */
type Bucket = readonly CedarPolicy[]

/** What an open constraint is filed under; never the name of a type, nor the key of an entity. */
const ANYTHING = ''

/** A policy that lists more actions than this is filed under none of them, lest one policy fill the memory of thousands. */
const MOST_PLACES = 32

export const EMPTY_INDEX: PolicyIndex = emptyNode()

/** Every policy that has the request in its scope, each once, sorted by id. */
export function policiesInScope(
  index: PolicyIndex,
  request: CedarRequest,
  entities: Entities,
): readonly CedarPolicy[] {
  const actions = keysMetBy(request.action, entities)
  const resources = keysMetBy(request.resource, entities)
  const found: CedarPolicy[] = []
  for (const principal of keysMetBy(request.principal, entities)) {
    const byAction = find(index, principal)
    if (byAction === undefined) continue
    for (const action of actions) {
      const byResource = find(byAction, action)
      if (byResource === undefined) continue
      for (const resource of resources) addMatching(found, find(byResource, resource), request, entities)
    }
  }
  return found.length > 1 ? sortedOnce(found) : found
}

function addMatching(
  found: CedarPolicy[],
  bucket: Bucket | undefined,
  request: CedarRequest,
  entities: Entities,
): void {
  if (bucket === undefined) return
  for (const policy of bucket) if (policy.inScope(request, entities)) found.push(policy)
}

/** A policy that lists several actions stands under each of them, and may be met by more than one. */
function sortedOnce(found: CedarPolicy[]): readonly CedarPolicy[] {
  return found.sort(byId).filter((policy, at) => policy !== found[at - 1])
}

function byId(a: CedarPolicy, b: CedarPolicy): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}

/** Everything that a constraint which this entity meets can be filed under. */
function keysMetBy(uid: EntityUid, entities: Entities): readonly string[] {
  const above = entities.get(uid.key)?.ancestors
  return above === undefined ? [ANYTHING, uid.type, uid.key] : [ANYTHING, uid.type, uid.key, ...above]
}

function keysOf(constraint: ScopeConstraint): ReadonlySet<string> {
  switch (constraint.op) {
    case 'all':
      return new Set([ANYTHING])
    case '==':
      return new Set([constraint.entity.key])
    case 'in': {
      const keys = new Set(constraint.entities.map(({ key }) => key))
      return keys.size > MOST_PLACES ? new Set([ANYTHING]) : keys
    }
    case 'is':
      return new Set([constraint.in?.key ?? constraint.type])
  }
}

/** An edit of an index: `index` is what it has come to; `closed` must be asked for last. */
export type IndexEdit = { index: PolicyIndex; readonly own: Own; readonly unsorted: Set<CedarPolicy[]> }

export function openIndex(index: PolicyIndex): IndexEdit {
  return { index, own: new Set(), unsorted: new Set() }
}

/** Sorting once for many policies, so that reading them in costs no more than it must. */
export function closedIndex({ index, unsorted }: IndexEdit): PolicyIndex {
  for (const bucket of unsorted) bucket.sort(byId)
  return index
}

export function addToIndex(edit: IndexEdit, policy: CedarPolicy): void {
  eachPlace(edit, policy, (bucket) => {
    const mine = ownBucket(edit, bucket ?? [])
    mine.push(policy)
    return mine
  })
}

export function takeFromIndex(edit: IndexEdit, policy: CedarPolicy): void {
  eachPlace(edit, policy, (bucket) => {
    const at = bucket?.indexOf(policy) ?? -1
    if (bucket === undefined || at < 0) return bucket
    if (bucket.length === 1) return undefined
    const mine = ownBucket(edit, bucket)
    mine.splice(at, 1)
    return mine
  })
}

function ownBucket({ own, unsorted }: IndexEdit, bucket: Bucket): CedarPolicy[] {
  if (own.has(bucket)) return bucket as CedarPolicy[]
  const copy = bucket.slice()
  own.add(copy)
  unsorted.add(copy)
  return copy
}

type Change<V> = (before: V | undefined) => V | undefined

function eachPlace(edit: IndexEdit, { scope }: CedarPolicy, change: Change<Bucket>): void {
  const { own } = edit
  for (const principal of keysOf(scope.principal))
    for (const action of keysOf(scope.action))
      for (const resource of keysOf(scope.resource))
        edit.index = changed(edit.index, principal, own, (byAction = emptyNode()) =>
          filled(
            changed(byAction, action, own, (byResource = emptyNode()) =>
              filled(changed(byResource, resource, own, change)),
            ),
          ),
        )
}

/** A node with another value under a key; what holds nothing any more is taken out. */
function changed<V>(node: Node<V>, key: string, own: Own, change: Change<V>): Node<V> {
  const before = find(node, key)
  const after = change(before)
  if (after === before) return node
  return after === undefined ? take(node, key, own) : put(node, key, after, own)
}

function filled<V>(node: Node<V>): Node<V> | undefined {
  return isEmpty(node) ? undefined : node
}
