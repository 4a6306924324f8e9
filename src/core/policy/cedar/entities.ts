import { err, ok, type Result } from '../../result.ts'
import type { EntityUid, Value } from './value.ts'

/** Attributes by name. A `Map` serves; so does a view that reads each where it is declared. */
export type AttributeValues = Pick<ReadonlyMap<string, Value>, 'get' | typeof Symbol.iterator>

/** What is known of an entity. `ancestors` holds the keys of every entity above it, closed. */
export type Entity = {
  readonly uid: EntityUid
  readonly attrs: AttributeValues
  readonly tags: ReadonlyMap<string, Value>
  readonly ancestors: ReadonlySet<string>
}

/** Entities by `uid.key`. A `Map` serves; so does a layer over another store. */
export type Entities = { get(key: string): Entity | undefined }

/** An entity as it is written down: its direct parents only. */
export type EntityDraft = {
  readonly uid: EntityUid
  readonly attrs?: AttributeValues
  readonly tags?: ReadonlyMap<string, Value>
  readonly parents?: readonly EntityUid[]
}

export type EntityProblem = {
  readonly reason: 'entities.duplicate' | 'entities.cycle'
  readonly says: string
}

export const NO_ENTITIES: Entities = new Map<string, Entity>()
const NOTHING: ReadonlyMap<string, Value> = new Map()

type Closing = {
  readonly drafts: ReadonlyMap<string, EntityDraft>
  readonly base: Entities
  readonly done: Map<string, Entity>
}

/**
 * Builds a store once, ancestors closed. Over a `base`, new entities may have parents in the base, and hide those
 * of the same uid; entities of the base keep the ancestors they have. Nothing of the base is copied.
 */
export function buildEntities(
  drafts: readonly EntityDraft[],
  base?: Entities,
): Result<Entities, EntityProblem> {
  const byKey = new Map<string, EntityDraft>()
  for (const draft of drafts) {
    if (byKey.has(draft.uid.key)) return err(problem('duplicate', `${draft.uid.key} is given twice`))
    byKey.set(draft.uid.key, draft)
  }
  const closing: Closing = { drafts: byKey, base: base ?? NO_ENTITIES, done: new Map() }
  for (const draft of drafts) {
    const cycle = close(draft, closing)
    if (cycle !== undefined) return err(problem('cycle', `${cycle} is an ancestor of itself`))
  }
  return ok(base === undefined ? closing.done : layer(closing.done, base))
}

/** `top` first, then `base`. */
export function layer(top: Entities, base: Entities): Entities {
  return { get: (key) => top.get(key) ?? base.get(key) }
}

/** Closes the ancestors of `start` depth first, without recursion; the key of a cycle's member, if there is one. */
function close(start: EntityDraft, closing: Closing): string | undefined {
  const path: EntityDraft[] = [start]
  const onPath = new Set<string>()
  while (path.length > 0) {
    const draft = path[path.length - 1]
    if (draft === undefined || closing.done.has(draft.uid.key)) {
      path.pop()
      continue
    }
    onPath.add(draft.uid.key)
    const waiting = openParents(draft, closing)
    const again = waiting.find((parent) => onPath.has(parent.uid.key))
    if (again !== undefined) return again.uid.key
    if (waiting[0] !== undefined) {
      path.push(waiting[0])
      continue
    }
    closing.done.set(draft.uid.key, finish(draft, closing))
    onPath.delete(draft.uid.key)
    path.pop()
  }
  return undefined
}

function openParents(draft: EntityDraft, closing: Closing): EntityDraft[] {
  const open: EntityDraft[] = []
  for (const parent of draft.parents ?? []) {
    const found = closing.drafts.get(parent.key)
    if (found !== undefined && !closing.done.has(parent.key)) open.push(found)
  }
  return open
}

function finish(draft: EntityDraft, closing: Closing): Entity {
  const ancestors = new Set<string>()
  for (const parent of draft.parents ?? []) {
    ancestors.add(parent.key)
    const known = closing.done.get(parent.key) ?? closing.base.get(parent.key)
    for (const above of known?.ancestors ?? []) ancestors.add(above)
  }
  return { uid: draft.uid, attrs: draft.attrs ?? NOTHING, tags: draft.tags ?? NOTHING, ancestors }
}

function problem(kind: 'duplicate' | 'cycle', says: string): EntityProblem {
  return { reason: `entities.${kind}`, says }
}
