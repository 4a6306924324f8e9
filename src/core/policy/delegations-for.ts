import type { AgentId, TenantName } from '../ids.ts'
import { emptyMap, type Own, type PersistentMap, withEntry } from '../persistent-map.ts'
import type { Delegation } from './delegation.ts'
import { namedAgent } from './question.ts'

/** A tenant's delegations by the agent that they let act, and then by the user for whom; each list is sorted by name. */
export type DelegationsFor = PersistentMap<AgentId, ForUsers>
type ForUsers = PersistentMap<string, readonly Delegation[]>

const EVERYBODY = '*'
const NONE: readonly Delegation[] = []

/** The delegations that let this agent act for this user: those for this user first, then those for every user. */
export function delegationsFor(known: DelegationsFor, agent: AgentId, user: string): readonly Delegation[] {
  const users = known.get(agent)
  const own = users?.get(user) ?? NONE
  const all = users?.get(EVERYBODY) ?? NONE
  return own.length === 0 ? all : all.length === 0 ? own : [...own, ...all]
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
    ? changeList(known, tenant, before, (list) => list.filter((each) => each !== before), own)
    : known
  return after ? changeList(without, tenant, after, (list) => [...list, after].sort(byName), own) : without
}

function byName(a: Delegation, b: Delegation): number {
  return a.delegation < b.delegation ? -1 : 1
}

function changeList(
  known: DelegationsFor,
  tenant: TenantName,
  { agent, user }: Delegation,
  change: (list: readonly Delegation[]) => readonly Delegation[],
  own: Own,
): DelegationsFor {
  const id = namedAgent(tenant, agent)
  const users: ForUsers = known.get(id) ?? emptyMap()
  const list = change(users.get(user) ?? NONE)
  const next = withEntry(users, user, list.length > 0 ? list : undefined, own)
  return withEntry(known, id, next.size > 0 ? next : undefined, own)
}
