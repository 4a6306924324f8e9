import type { AuditDraft } from '../core/audit/audit-event.ts'
import type { Frontier } from '../core/audit/merkle-log.ts'
import { appendLeaf, EMPTY_FRONTIER, frontierRoot, leafHash } from '../core/audit/merkle-log.ts'
import type { Lease } from '../core/credential/lease.ts'
import type { HeldStore } from '../core/held.ts'
import type { AgentId, DecisionId, LeaseId, SessionId, TenantName } from '../core/ids.ts'
import { revision } from '../core/ids.ts'
import type { KeptStore, Renewal } from '../core/kept.ts'
import type { Link } from '../core/lifecycle/revocation.ts'
import type { LoggedEvent, SessionRow, Store } from '../core/ports.ts'
import type { ChangeDraft } from '../core/registry.ts'
import { epochMillis, epochSeconds } from '../core/time.ts'

/** Two stores on one database, as two authorities have them; a tenant no other test uses. */
export type StoresUnderTest = {
  readonly one: Store & KeptStore & HeldStore
  readonly two: Store & KeptStore & HeldStore
  readonly tenant: TenantName
}

export const AT = epochMillis(Date.now())
export const LATER = epochSeconds(AT / 1000 + 3_600)

export function draftOf(tenant: TenantName, more: Partial<AuditDraft> = {}): AuditDraft {
  return { tenant, at: AT, kind: 'decision', outcome: 'allow', reason: 'allowed', ...more }
}

export function factOf(tenant: TenantName, name: string, says: string | null): ChangeDraft {
  const doc = says === null ? null : { fact: name, subject: 'agent:a/b', source: 'edr', says, at: 1 }
  return { tenant, kind: 'fact', name, doc }
}

export function leaseOf(tenant: TenantName, name: string, links: readonly Link[] = []): Lease {
  return {
    id: `lea_${name}` as LeaseId,
    tenant,
    agent: `${tenant}/pipeline` as AgentId,
    session: 'ses_1' as SessionId,
    decision: 'dec_1' as DecisionId,
    resource: 'warehouse',
    provider: 'postgres-role',
    handle: '',
    links,
    rev: revision(1),
    expires: LATER,
    state: 'pending',
  }
}

export function sessionOf(tenant: TenantName, name: string, more: Partial<SessionRow> = {}): SessionRow {
  const id = `ses_${name}` as SessionId
  return { id, tenant, agent: `${tenant}/desk`, links: [], started: AT, expires: LATER, ...more }
}

export function renewalOf(tenant: TenantName, name: string): Renewal {
  const session = `ses_${name}` as SessionId
  return { tenant, session, doc: '{"for":"ana"}', seed: 'seed', current: 'first', expires: LATER }
}

export async function leavesOf(store: Store, tenant: TenantName, from = 0, to = 1e9): Promise<LoggedEvent[]> {
  const all: LoggedEvent[] = []
  for await (const leaf of store.leaves(tenant, from, to)) all.push(leaf)
  return all
}

/** The root of a log computed from its leaves alone. */
export function rootOf(leaves: readonly LoggedEvent[]): string {
  const grow = (frontier: Frontier, { leaf }: LoggedEvent) => appendLeaf(frontier, leafHash(leaf)).frontier
  return frontierRoot(leaves.reduce(grow, EMPTY_FRONTIER))
}
