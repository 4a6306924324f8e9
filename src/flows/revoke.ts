import type { Lease } from '../core/credential/lease.ts'
import { type Revision, splitAgentId, type TenantName } from '../core/ids.ts'
import type { Link } from '../core/lifecycle/revocation.ts'
import type { Store } from '../core/ports.ts'
import { type Refusal, refuse, Unavailable } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { Clock } from '../core/time.ts'
import type { Acknowledgement, GatewayFeeds } from './feed-gateway.ts'
import { leaseOver } from './lease-over.ts'
import { revocableLink } from './revocable-link.ts'
import type { FailedEnd, LeaseSweep } from './sweep-leases.ts'

export type RevokePorts = {
  readonly store: Pick<Store, 'commit' | 'openLeases' | 'sessions'>
  readonly snapshot: () => Snapshot
  /** Brings the snapshot up to what was just committed, and with it what gateways are told. */
  readonly refresh: () => Promise<void>
  readonly feeds: Pick<GatewayFeeds, 'acknowledged'>
  readonly leases: Pick<LeaseSweep, 'end'>
  readonly now: Clock
  /** Milliseconds that only go forward. */
  readonly monotonic: () => number
  /** How long gateways are waited for, in ms; default 1000. The revocation stands whether they answer or not. */
  readonly waitMs?: number
}

export type RevokeAsk = {
  readonly tenant: TenantName
  /** `agent:pipeline`, `user:ana@a.example`, `session:ses_…`; see `revocableLink`. */
  readonly link: string
  readonly reason: string
  /** Also end everything newer, until it is lifted. */
  readonly standing: boolean
  /** The person who asks, as the audit names them. */
  readonly by: string
}

/** What a revocation did. `ms`: from the request until all gateways answered or were given up on. */
export type RevokeReport = {
  readonly link: Link
  readonly revision: Revision
  readonly ms: number
  readonly gateways: readonly Acknowledgement[]
  /** Sessions that stood on the link and had not ended yet. */
  readonly sessions: number
  readonly leases: { readonly ended: readonly Lease['id'][]; readonly failed: readonly FailedEnd[] }
}

/**
 * Ends everything that stands on a link, now (ARCHITECTURE §9): written with its audit event in one commit, pushed to the gateways, its
 * leases ended at their providers. Answers once gateways acknowledged, or the wait is over; what could not be ended is named, and
 * tried again by the sweep.
 */
export async function revoke(ports: RevokePorts, ask: RevokeAsk): Promise<Result<RevokeReport, Refusal>> {
  const started = ports.monotonic()
  const tenant = ports.snapshot().tenants.get(ask.tenant)
  if (!tenant) return err(refuse('unknown', 'tenant.unknown', 'There is no such tenant.'))
  const found = revocableLink(tenant, ask.link)
  if (!found.ok) return found
  const link = found.value
  const revision = await write(ports, ask, link)
  await ports.refresh()
  const document = { tenant: ask.tenant, kind: 'revocation', name: link } as const
  const [gateways, leases, sessions] = await Promise.all([
    ports.feeds.acknowledged(document, revision, ports.waitMs ?? 1000),
    endLeases(ports, ask.tenant, link),
    countSessions(ports, ask.tenant, link),
  ])
  return ok({ link, revision, ms: ports.monotonic() - started, gateways, sessions, leases })
}

async function write(ports: RevokePorts, ask: RevokeAsk, link: Link): Promise<Revision> {
  const { tenant, standing, by } = ask
  const reason = ask.reason.slice(0, 200)
  const event = { tenant, at: ports.now(), kind: 'revocation', outcome: 'done' } as const
  const facts = { link, standing, why: reason }
  const written = await ports.store.commit({
    events: [{ ...event, reason: 'revoked', facts, personal: { user: by } }],
    changes: [{ tenant, kind: 'revocation', name: link, doc: { revocation: link, standing, reason } }],
  })
  if (!written.done) throw new Unavailable('store.conflict', 'the revocation was not committed')
  return written.revision
}

/** Leases are found by what they say they stand on, and judged by the registry: a name counts in its tenant, a guest's agent at home too. */
async function endLeases(ports: RevokePorts, tenant: TenantName, link: Link) {
  const snapshot = ports.snapshot()
  const open = await ports.store.openLeases(link.startsWith('tenant:') ? {} : { link })
  const over = open.filter(
    (lease) =>
      (lease.tenant === tenant || splitAgentId(lease.agent).home === tenant) &&
      leaseOver(snapshot, lease) !== undefined,
  )
  return ports.leases.end(over, 'chain.revoked')
}

/** An agent's sessions may be in each tenant that admits it. */
async function countSessions(ports: RevokePorts, tenant: TenantName, link: Link): Promise<number> {
  const tenants = [...ports.snapshot().tenants].filter(
    ([name, { admissions }]) =>
      name === tenant || [...admissions.keys()].some((guest) => link === `agent:${guest}`),
  )
  const found = await Promise.all(tenants.map(([name]) => ports.store.sessions({ tenant: name, link })))
  return found.reduce((sum, rows) => sum + rows.length, 0)
}
