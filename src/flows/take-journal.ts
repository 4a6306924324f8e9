import { OPERATOR } from '../core/identity/tenant.ts'
import type { RecorderId, TenantName } from '../core/ids.ts'
import type { JournalBreak, ShippedRecord, Store } from '../core/ports.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Clock, EpochMillis } from '../core/time.ts'
import { createLru, type Lru } from '../lib/lru.ts'
import type { AuthorizedGateway } from './authorize-gateway.ts'

export type JournalPorts = {
  readonly store: Pick<Store, 'takeJournal' | 'commit'>
  readonly now: Clock
  readonly memory: JournalMemory
}

/** Breaks that were told already, and when each gateway was last listed for a tenant by name. */
export type JournalMemory = {
  readonly alarmed: Lru<string, true>
  readonly listed: Map<string, Map<TenantName, EpochMillis>>
}

export function createJournalMemory(): JournalMemory {
  return { alarmed: createLru(10_000), listed: new Map() }
}

/**
 * How long a gateway may still ship records of a tenant that was taken from its entry, in ms: what it did a moment before must reach the
 * log, and would otherwise stand before everything that follows.
 */
const AFTERWARDS_MS = 60_000

/**
 * Takes a gateway's records into the logs of the tenants it serves, in order, exactly once, and answers the number wanted next
 * (ARCHITECTURE §2.4). What doesn't fit changes nothing and raises one alarm: `journal.gap`, `journal.fork`, `journal.altered`,
 * `journal.tenant`.
 */
export async function takeJournal(
  ports: JournalPorts,
  gateway: AuthorizedGateway,
  recorder: RecorderId,
  records: readonly ShippedRecord[],
): Promise<Result<{ readonly next: number }, Refusal>> {
  const taken = await ports.store.takeJournal(
    recorder,
    gateway.gateway.gateway,
    tenantsOf(ports, gateway),
    records,
  )
  if (taken.ok) return ok({ next: taken.next })
  await alarm(ports, gateway, recorder, taken)
  return err(refuse('denied', `journal.${taken.why}`, SAYS[taken.why], { next: taken.next }))
}

function tenantsOf({ memory, now }: JournalPorts, { gateway }: AuthorizedGateway): readonly TenantName[] {
  const at = now()
  const lately = memory.listed.get(gateway.gateway) ?? new Map<TenantName, EpochMillis>()
  for (const tenant of gateway.tenants) lately.set(tenant as TenantName, at)
  for (const [tenant, last] of lately) if (at - last > AFTERWARDS_MS) lately.delete(tenant)
  memory.listed.set(gateway.gateway, lately)
  return [...lately.keys()]
}

type Break = { readonly why: JournalBreak; readonly next: number }

/** A gateway repeats what isn't taken; a person is told once. */
async function alarm(
  ports: JournalPorts,
  { gateway, instance }: AuthorizedGateway,
  recorder: RecorderId,
  { why, next }: Break,
): Promise<void> {
  const key = `${recorder} ${why} ${next}`
  if (ports.memory.alarmed.get(key)) return
  const facts = { gateway: gateway.gateway, instance, journal: recorder, next }
  const event = { tenant: OPERATOR, at: ports.now(), kind: 'alarm', outcome: 'failed' } as const
  await ports.store.commit({ events: [{ ...event, reason: `journal.${why}`, facts }] })
  ports.memory.alarmed.set(key, true)
}

const SAYS: Readonly<Record<JournalBreak, string>> = {
  gap: 'Records are missing before these.',
  fork: 'These records continue another history than the one that was taken.',
  altered: 'A record is not what its hash or its shape says.',
  tenant: 'A record is of a tenant that this gateway does not serve.',
}
