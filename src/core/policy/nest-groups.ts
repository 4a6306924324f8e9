import { type Group, MOST_GROUPS_ABOVE } from '../identity/group.ts'
import { emptyMap, type Own, type PersistentMap, withEntry } from '../persistent-map.ts'
import { buildEntities, type Entities, type Entity } from './cedar/cedar.ts'
import { type EntityMap, groupUid } from './entities.ts'

/** A group with the keys of all that its members are in by it: itself, and all that it is in. */
export type KnownGroup = { readonly group: Group; readonly around: ReadonlySet<string> }
export type KnownGroups = PersistentMap<string, KnownGroup>

export type Nested = {
  readonly groups: KnownGroups
  readonly entities: EntityMap
  readonly problem?: string
}

/**
 * The tenant's groups after some of their documents changed, each with all that it is in, and as policies see them. They are few beside
 * their members and change seldom, so all are nested anew. Groups within themselves, or in too many, are in nothing, and a problem.
 */
export function nestGroups(
  before: KnownGroups,
  changes: ReadonlyMap<string, Group | undefined>,
  known: EntityMap,
  own: Own,
): Nested {
  const documents = new Map(Array.from(before.values(), ({ group }) => [group.group, group]))
  let [groups, entities] = [emptyMap<string, KnownGroup>(), known]
  for (const group of documents.values()) entities = withEntry(entities, groupUid(group).key, undefined, own)
  for (const [name, group] of changes) {
    documents.delete(name)
    if (group) documents.set(name, group)
  }
  const nested = nest(documents.values())
  for (const group of documents.values()) {
    const entity = typeof nested === 'string' ? undefined : nested.get(groupUid(group).key)
    entities = withEntry(entities, groupUid(group).key, entity, own)
    groups = withEntry(groups, group.group, { group, around: aroundOf(group, entity) }, own)
  }
  return typeof nested === 'string' ? { groups, entities, problem: nested } : { groups, entities }
}

function aroundOf(group: Group, entity: Entity | undefined): ReadonlySet<string> {
  return new Set([groupUid(group).key, ...(entity?.ancestors ?? [])])
}

/** Why such groups can't be, if they can't. */
export function groupsProblem(groups: Iterable<Group>): string | undefined {
  const nested = nest(groups)
  return typeof nested === 'string' ? nested : undefined
}

/** The groups as entities, or what is wrong with them. */
function nest(groups: Iterable<Group>): Entities | string {
  const drafts = Array.from(groups, (group) => ({
    uid: groupUid(group),
    parents: group.in.map((name) => groupUid({ of: group.of, group: name })),
  }))
  const built = buildEntities(drafts)
  if (!built.ok) return `groups: ${built.error.says}`
  const crowded = drafts.find(
    ({ uid }) => (built.value.get(uid.key)?.ancestors.size ?? 0) > MOST_GROUPS_ABOVE,
  )
  if (crowded)
    return `group \`${crowded.uid.id}\` is in more than ${MOST_GROUPS_ABOVE} others, directly or not`
  return built.value
}
