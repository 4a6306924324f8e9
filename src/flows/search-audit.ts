import { type AgentId, parseAgentId, splitAgentId, type TenantName } from '../core/ids.ts'
import type { AuditFilter, LoggedEvent, Store } from '../core/ports.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { TenantSnapshot } from '../core/snapshot.ts'

export type AuditPage = {
  readonly events: readonly LoggedEvent[]
  /** Events in the tenant's whole log. */
  readonly treeSize: number
}

/** Events of one tenant's log that match, in the log's order: the newest `limit`, or those that follow the index `after`. */
export async function searchAudit(
  filter: AuditFilter,
  store: Pick<Store, 'audit' | 'tree'>,
): Promise<AuditPage> {
  const [events, tree] = await Promise.all([store.audit(filter), store.tree(filter.tenant)])
  return { events, treeSize: tree.size }
}

const MOST_OF_A_DECISION = 100

/** Everything recorded under one decision id: the decision itself, made again by others, and what followed. Refuses `admin.unknown`. */
export async function findDecision(
  tenant: TenantName,
  decision: string,
  store: Pick<Store, 'audit'>,
): Promise<Result<readonly LoggedEvent[], Refusal>> {
  const events = await store.audit({ tenant, decision, limit: MOST_OF_A_DECISION })
  return events.length > 0
    ? ok(events)
    : err(refuse('unknown', 'admin.unknown', 'There is no such tenant or object.'))
}

/**
 * The agent that people of a tenant call by this name: their own, or a guest by its own name when no other guest has it. `undefined` when
 * there is none, or the name doesn't tell which.
 */
export function agentNamed(tenant: TenantSnapshot, name: string): AgentId | undefined {
  const own = parseAgentId(name.includes('/') ? name : `${tenant.tenant.tenant}/${name}`)
  if (own && (tenant.agents.has(own) || tenant.admissions.has(own))) return own
  const guests = [...tenant.admissions.keys()].filter((id) => splitAgentId(id).agent === name)
  return guests.length === 1 ? guests[0] : undefined
}
