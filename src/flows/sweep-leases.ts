import type { AuditDraft } from '../core/audit/audit-event.ts'
import type { Lease } from '../core/credential/lease.ts'
import type { LeaseId } from '../core/ids.ts'
import { isAbove } from '../core/policy/label.ts'
import type { Store } from '../core/ports.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import type { Change, DocumentKind } from '../core/registry.ts'
import { err, type Result } from '../core/result.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { type Clock, type EpochSeconds, toSeconds } from '../core/time.ts'
import { forgetLabels } from './forget-labels.ts'
import { leaseOver } from './lease-over.ts'
import type { LeasingPorts } from './open-lease.ts'

export type SweepPorts = {
  readonly store: Pick<Store, 'openLeases' | 'commit'>
  readonly snapshot: () => Snapshot
  readonly leasing: Pick<LeasingPorts, 'end'>
  readonly now: Clock
  /** Milliseconds that only go forward. */
  readonly monotonic: () => number
}

export type FailedEnd = { readonly lease: LeaseId; readonly resource: string; readonly reason: string }
export type Ended = { readonly ended: readonly LeaseId[]; readonly failed: readonly FailedEnd[] }

export type LeaseSweep = {
  /** One look: leases past their end. Every tenth looks at all of them (what was revoked, what a crash left pending) and at labels. */
  readonly sweep: () => Promise<Ended>
  /** A look at all leases now. */
  readonly sweepAll: () => Promise<Ended>
  /** Whether leases may be over by these changes, so that a look at all is due at once. */
  readonly concerns: (changes: readonly Change[]) => boolean
  /** Ends these now, whatever their time; what fails is tried again by the next looks. `why` goes into the audit. */
  readonly end: (leases: readonly Lease[], why: string) => Promise<Ended>
}

/** A credential that wasn't made within this time never will be: whoever was making it is gone. */
const PENDING_MS = 60_000
const BACKOFF_MS = { first: 1000, most: 60_000 }
const FULL_LOOK_EVERY = 10
/** Ends in flight at one time, so that a provider isn't stormed. */
const AT_ONCE = 16

type Failure = { readonly tries: number; readonly notBefore: number }
type Memory = {
  readonly failures: Map<LeaseId, Failure>
  pendingSince: Map<LeaseId, number>
  readonly ending: Map<LeaseId, Promise<string | undefined>>
}

/**
 * Ends leases at their provider, then in the Store: those past their end, those whose ground was taken away, and pending ones that a
 * crash left behind. Any authority may do it, also twice.
 */
export function createLeaseSweep(ports: SweepPorts): LeaseSweep {
  const memory: Memory = { failures: new Map(), pendingSince: new Map(), ending: new Map() }
  let looks = 0
  const sweepAll = async () => {
    const leases = await ports.store.openLeases({})
    return endAll(ports, memory, due(ports, memory, leases))
  }
  return {
    sweep: async () => {
      looks += 1
      if (looks % FULL_LOOK_EVERY === 1) {
        const ended = await sweepAll()
        await forgetLabels(ports)
        return ended
      }
      const leases = await ports.store.openLeases({ expiredBefore: secondsNow(ports) })
      return endAll(
        ports,
        memory,
        leases.map((lease) => ({ lease, why: 'lease.expired' })),
      )
    },
    sweepAll,
    concerns: (changes) =>
      changes.some((each) => GROUND.has(each.kind) || closesSink(ports.snapshot(), each)),
    end: (leases, why) => {
      for (const { id } of leases) memory.failures.delete(id)
      return endAll(
        ports,
        memory,
        leases.map((lease) => ({ lease, why })),
      )
    },
  }
}

type Due = { readonly lease: Lease; readonly why: string }

function secondsNow(ports: SweepPorts): EpochSeconds {
  return toSeconds(ports.now())
}

function due(ports: SweepPorts, memory: Memory, leases: readonly Lease[]): readonly Due[] {
  const snapshot = ports.snapshot()
  const now = secondsNow(ports)
  const at = ports.monotonic()
  const pending = leases.filter(({ state }) => state === 'pending')
  memory.pendingSince = new Map(pending.map(({ id }) => [id, memory.pendingSince.get(id) ?? at]))
  return leases.flatMap((lease) => {
    if (lease.expires <= now) return [{ lease, why: 'lease.expired' }]
    const over = leaseOver(snapshot, lease)
    if (over !== undefined) return [{ lease, why: over }]
    const since = memory.pendingSince.get(lease.id)
    return since !== undefined && at - since >= PENDING_MS ? [{ lease, why: 'lease.abandoned' }] : []
  })
}

async function endAll(ports: SweepPorts, memory: Memory, all: readonly Due[]): Promise<Ended> {
  const at = ports.monotonic()
  const todo = all.filter(({ lease }) => (memory.failures.get(lease.id)?.notBefore ?? 0) <= at)
  const ended: LeaseId[] = []
  const failed: FailedEnd[] = []
  for (let from = 0; from < todo.length; from += AT_ONCE) {
    await Promise.all(
      todo.slice(from, from + AT_ONCE).map(async (one) => {
        const { id, resource } = one.lease
        const reason = await endOnce(ports, memory, one)
        if (reason === undefined) ended.push(id)
        else failed.push({ lease: id, resource, reason })
      }),
    )
  }
  return { ended, failed }
}

/** A lease that is being ended already is waited for: a revocation and a look of the sweep may meet. */
function endOnce(ports: SweepPorts, memory: Memory, one: Due): Promise<string | undefined> {
  const { id } = one.lease
  const running = memory.ending.get(id)
  if (running) return running
  const ending = endOne(ports, memory, one).finally(() => memory.ending.delete(id))
  memory.ending.set(id, ending)
  return ending
}

/** Why it could not be ended; undefined when it is. Providers fail in many ways: nothing of one stops the others. */
async function endOne(ports: SweepPorts, memory: Memory, { lease, why }: Due): Promise<string | undefined> {
  const { tenant, id } = lease
  const reason = await endAtProvider(ports, lease).then(
    (result) => (result.ok ? undefined : result.error.reason),
    (fault: unknown) =>
      fault instanceof Error && 'reason' in fault ? String(fault.reason) : 'lease.end_failed',
  )
  if (reason === undefined) {
    await ports.store.commit({ events: [eventOf(ports, lease, 'done', why)], lease: { end: { tenant, id } } })
    memory.failures.delete(id)
    return undefined
  }
  const tries = (memory.failures.get(id)?.tries ?? 0) + 1
  const wait = Math.min(BACKOFF_MS.first * 2 ** (tries - 1), BACKOFF_MS.most)
  memory.failures.set(id, { tries, notBefore: ports.monotonic() + wait })
  if (tries === 1) await ports.store.commit({ events: [eventOf(ports, lease, 'failed', reason)] })
  return reason
}

async function endAtProvider(ports: SweepPorts, lease: Lease): Promise<Result<void, Refusal>> {
  const tenant = ports.snapshot().tenants.get(lease.tenant)
  if (tenant) return ports.leasing.end(tenant, lease)
  return err(
    refuse('unknown', 'tenant.unknown', 'The tenant is gone, and with it how to reach its provider.'),
  )
}

function eventOf(ports: SweepPorts, lease: Lease, outcome: 'done' | 'failed', reason: string): AuditDraft {
  const { tenant, decision, agent, session, resource, id, provider, expires } = lease
  const about = { tenant, decision, agent, session, resource, lease: id }
  return {
    ...about,
    at: ports.now(),
    kind: 'lease',
    outcome,
    reason,
    facts: { provider, expires, ended: outcome === 'done' },
  }
}

/** Kinds of documents by whose change a lease may be over. */
const GROUND: ReadonlySet<DocumentKind> = new Set([
  'revocation',
  'agent',
  'user',
  'tenant',
  'admission',
  'delegation',
])

/** A session's label rose in a tenant that has a place where it may not flow. Elsewhere that ends nothing, so nobody looks. */
function closesSink(snapshot: Snapshot, change: Change): boolean {
  if (change.kind !== 'session-label' || change.doc === null) return false
  const { label } = change.doc
  const resources = snapshot.tenants.get(change.tenant)?.resources.values() ?? []
  return [...resources].some(({ resource }) => isAbove(label, resource.clearance))
}

/**
 * Sweeps each `everyMs`, and at once when something that leases stand on changed. `report` is told of faults; the next look tries again.
 * Resolves, when stopped, after the look that was under way.
 */
export function startLeaseSweep(
  sweep: LeaseSweep,
  onChange: (listener: (changes: readonly Change[]) => void) => () => void,
  report: (fault: unknown) => void,
  everyMs = 1000,
): () => Promise<void> {
  let running: Promise<void> | undefined
  let again: 'all' | undefined
  const look = (all: boolean): void => {
    if (running) {
      if (all) again = 'all'
      return
    }
    running = (all ? sweep.sweepAll() : sweep.sweep())
      .then(() => undefined, report)
      .finally(() => {
        running = undefined
        if (again) {
          again = undefined
          look(true)
        }
      })
  }
  const stop = onChange((changes) => {
    if (sweep.concerns(changes)) look(true)
  })
  const timer = setInterval(() => look(false), everyMs)
  return async () => {
    clearInterval(timer)
    stop()
    again = undefined
    await running
  }
}
