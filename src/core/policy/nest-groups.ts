import { type Group, MOST_GROUPS_ABOVE } from '../identity/group.ts'
import { type Own, withEntry } from '../persistent-map.ts'
import { buildEntities, type EntityUid, entityUid } from './cedar/cedar.ts'
import type { EntityMap, GroupType } from './entities.ts'

const TYPES: Readonly<Record<Group['of'], GroupType>> = { agents: 'AgentGroup', users: 'UserGroup' }

export function groupUid({ of, group }: Pick<Group, 'of' | 'group'>): EntityUid {
  return entityUid(TYPES[of], group)
}

type Groups = ReadonlyMap<string, Group>
type GroupEdit = {
  readonly before: Groups
  readonly after: Groups
  readonly entities: EntityMap
  readonly own: Own
}

/**
 * The tenant's groups as policies see them, each with all that it is in. They are few beside their members, and change seldom: when one
 * does, all are nested anew. Groups within themselves, or in too many, are no groups, and a problem.
 */
export function nestGroups({ before, after, entities, own }: GroupEdit): {
  readonly entities: EntityMap
  readonly problem?: string
} {
  let next = entities
  for (const group of before.values()) next = withEntry(next, groupUid(group).key, undefined, own)
  const nested = nest(after.values())
  if (typeof nested === 'string') return { entities: next, problem: nested }
  for (const group of after.values()) {
    const { key } = groupUid(group)
    next = withEntry(next, key, nested.get(key), own)
  }
  return { entities: next }
}

/** Why such groups can't be, if they can't. */
export function groupsProblem(groups: Iterable<Group>): string | undefined {
  const nested = nest(groups)
  return typeof nested === 'string' ? nested : undefined
}

/** The groups as entities, or what is wrong with them. */
function nest(groups: Iterable<Group>) {
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
