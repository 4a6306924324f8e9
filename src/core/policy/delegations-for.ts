import type { AgentId, TenantName } from '../ids.ts'
import { type Own, type PersistentMap, withEntry } from '../persistent-map.ts'
import type { Delegation } from './delegation.ts'
import { namedAgent } from './question.ts'

/** A tenant's delegations by whom they let act for whom, each list sorted by name. */
export type DelegationsFor = PersistentMap<string, readonly Delegation[]>

const EVERYBODY = '*'

/** The delegations that let this agent act for this user: those for this user first, then those for every user. */
export function delegationsFor(known: DelegationsFor, agent: AgentId, user: string): readonly Delegation[] {
  const own = known.get(pairOf(agent, user)) ?? []
  const all = known.get(pairOf(agent, EVERYBODY)) ?? []
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
  let next = known
  if (before) {
    const pair = pairIn(tenant, before)
    const left = (next.get(pair) ?? []).filter((each) => each !== before)
    next = withEntry(next, pair, left.length > 0 ? left : undefined, own)
  }
  if (after) {
    const pair = pairIn(tenant, after)
    const all = [...(next.get(pair) ?? []), after]
    next = withEntry(
      next,
      pair,
      all.sort((a, b) => (a.delegation < b.delegation ? -1 : 1)),
      own,
    )
  }
  return next
}

function pairIn(tenant: TenantName, { agent, user }: Delegation): string {
  return pairOf(namedAgent(tenant, agent), user)
}

/** An agent's id has no line break, so no two pairs are spelled alike. */
function pairOf(agent: AgentId, user: string): string {
  return `${agent}\n${user}`
}
