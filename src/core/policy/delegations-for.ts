import type { AgentId, TenantName } from '../ids.ts'
import { emptyMap, type Own, type PersistentMap, withEntry } from '../persistent-map.ts'
import type { Delegation } from './delegation.ts'
import { namedAgent } from './question.ts'

/**
 * A tenant's delegations by the agent that they let act: nearly always a few, each looked at; of an agent with many, by the user for whom.
 * Each list is sorted by name.
 */
export type DelegationsFor = PersistentMap<AgentId, readonly Delegation[] | ForUsers>
type ForUsers = PersistentMap<string, readonly Delegation[]>

const EVERYBODY = '*'
const NONE: readonly Delegation[] = []
const NO_USERS: ForUsers = emptyMap()
const FEW = 8

/** The delegations that let this agent act for this user: those for this user first, then those for every user. */
export function delegationsFor(known: DelegationsFor, agent: AgentId, user: string): readonly Delegation[] {
  const found = known.get(agent) ?? NONE
  const [own, all] = [listFor(found, user), listFor(found, EVERYBODY)]
  return own.length === 0 ? all : all.length === 0 ? own : [...own, ...all]
}
type Found = readonly Delegation[] | ForUsers

function listFor(found: Found, user: string): readonly Delegation[] {
  if (!isFew(found)) return found.get(user) ?? NONE
  return found.every((each) => each.user === user) ? found : found.filter((each) => each.user === user)
}

function isFew(found: Found): found is readonly Delegation[] {
  return Array.isArray(found)
}

/** With one document in the place of another of the same name; either may be missing. */
export function changeDelegation(
  known: DelegationsFor,
  tenant: TenantName,
  before: Delegation | undefined,
  after: Delegation | undefined,
  own: Own,
): DelegationsFor {
  const without = before
    ? change(known, tenant, before, (found) => withoutOne(found, before, own), own)
    : known
  return after ? change(without, tenant, after, (found) => withOne(found, after, own), own) : without
}

function change(
  known: DelegationsFor,
  tenant: TenantName,
  { agent }: Delegation,
  make: (found: Found) => Found,
  own: Own,
): DelegationsFor {
  const id = namedAgent(tenant, agent)
  const next = make(known.get(id) ?? NONE)
  return withEntry(known, id, isFew(next) && next.length === 0 ? undefined : next, own)
}

function withoutOne(found: Found, gone: Delegation, own: Own): Found {
  if (isFew(found)) return found.filter((each) => each !== gone)
  const left = (found.get(gone.user) ?? NONE).filter((each) => each !== gone)
  const users = withEntry(found, gone.user, left.length > 0 ? left : undefined, own)
  const all = users.size > FEW ? undefined : [...users.values()].flat()
  return all !== undefined && all.length <= FEW ? all.sort(byName) : users
}

function withOne(found: Found, added: Delegation, own: Own): Found {
  if (isFew(found)) {
    const all = [...found, added].sort(byName)
    return all.length <= FEW ? all : all.reduce((users, each) => inUsers(users, each, own), NO_USERS)
  }
  return inUsers(found, added, own)
}

function inUsers(users: ForUsers, added: Delegation, own: Own): ForUsers {
  return withEntry(users, added.user, [...(users.get(added.user) ?? NONE), added].sort(byName), own)
}

function byName(a: Delegation, b: Delegation): number {
  return a.delegation < b.delegation ? -1 : 1
}
