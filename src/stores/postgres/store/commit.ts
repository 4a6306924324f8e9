import type { Pool, PoolClient } from 'pg'
import { halvesOf, type LeafHalves, leafFrom } from '../../../core/audit/leaf.ts'
import type { RecordedEvent } from '../../../core/audit/record-event.ts'
import type { RecorderId, Revision, TenantName } from '../../../core/ids.ts'
import type { Write, Written } from '../../../core/ports.ts'
import { Unavailable } from '../../../core/refusal.ts'
import type { ChangeDraft } from '../../../core/registry.ts'
import { appendEvents } from './append.ts'
import { lockHead, putChanges, readHead } from './documents.ts'
import { lockLeases, stepLeases, tenantOfStep } from './leases.ts'
import { advanceRecorder, nextNumber } from './recorder.ts'
import { inTenants } from './scope.ts'
import { putSessions } from './sessions.ts'
import { spendKeys } from './spends.ts'
import { treeKeeper } from './trees.ts'

/** An event that is written out but for its number. */
export type ReadyEvent = RecordedEvent & { readonly halves: LeafHalves }
/** A write whose events are complete but for their numbers. */
export type ReadyWrite = { readonly write: Write; readonly events: readonly ReadyEvent[] }
/** What became of one write of a batch. */
export type Settled =
  | { readonly written: Written }
  /** It was not committed; or, when `cause` is `Unavailable`, may not have been. */
  | { readonly cause: unknown }
type Why = Extract<Written, { done: false }>['why']

/** Writes an event out before it waits for a commit: what can't be recorded fails alone, and the work is done meanwhile. Throws `Bug`. */
export function readyEvent(recorded: RecordedEvent): ReadyEvent {
  return { ...recorded, halves: halvesOf(recorded.event) }
}

/** Rolls back the transaction of a write that stands alone. */
class NotDone extends Error {
  readonly why: Why
  constructor(why: Why) {
    super(why)
    this.why = why
  }
}

/** Who numbers, and which number is next; undefined when only the database knows. */
type Numbering = { readonly recorder: RecorderId; next: number | undefined }

/** Commits batches: as few transactions as can be, each of a few statements however many writes are in it. */
export function batchCommitter(
  pool: Pool,
  recorder: RecorderId,
): (batch: readonly ReadyWrite[]) => Promise<readonly Settled[]> {
  const ensureTrees = treeKeeper(pool)
  const numbering: Numbering = { recorder, next: undefined }

  async function transact(writes: readonly ReadyWrite[]): Promise<readonly Written[]> {
    await ensureTrees(writes.flatMap(({ events }) => events.map(({ event }) => event.tenant)))
    const { next } = numbering
    // Known again only once this is known to be committed: a commit whose answer was lost may have happened.
    numbering.next = undefined
    const done = await inTenants(pool, tenantsOf(writes), (client) =>
      writeAll(client, { recorder, next }, writes),
    )
    numbering.next = done.next
    return done.written
  }

  async function settle(writes: readonly ReadyWrite[]): Promise<readonly Settled[]> {
    try {
      return (await transact(writes)).map((written) => ({ written }))
    } catch (cause) {
      if (cause instanceof NotDone) return [{ written: { done: false, why: cause.why } }]
      if (writes.length === 1 || cause instanceof Unavailable) return writes.map(() => ({ cause }))
      // The database took nothing, so one of them is bad: each alone, and only that one fails.
      return settleEach(writes.map((one) => [one]))
    }
  }

  async function settleEach(groups: readonly (readonly ReadyWrite[])[]): Promise<readonly Settled[]> {
    const all: Settled[] = []
    for (const group of groups) all.push(...(await settle(group)))
    return all
  }

  return (batch) => settleEach(intoTransactions(batch))
}

/**
 * Neighbours share a transaction, but a write that may turn out not to be done after it has done something (it would have to be undone)
 * has one of its own.
 */
export function intoTransactions(batch: readonly ReadyWrite[]): readonly (readonly ReadyWrite[])[] {
  const groups: ReadyWrite[][] = []
  let open: ReadyWrite[] | undefined
  for (const one of batch) {
    if (standsAlone(one.write)) {
      groups.push([one])
      open = undefined
    } else if (open) open.push(one)
    else {
      open = [one]
      groups.push(open)
    }
  }
  return groups
}

function standsAlone(write: Write): boolean {
  const activates = write.lease !== undefined && 'activate' in write.lease
  return write.ifRevision !== undefined || (activates && write.spend !== undefined)
}

function tenantsOf(writes: readonly ReadyWrite[]): Set<TenantName> {
  const tenants = new Set<TenantName>()
  for (const { write, events } of writes) {
    for (const { event } of events) tenants.add(event.tenant)
    for (const { tenant } of write.changes ?? []) tenants.add(tenant)
    if (write.spend) tenants.add(write.spend.tenant)
    if (write.session) tenants.add(write.session.tenant)
    if (write.lease) tenants.add(tenantOfStep(write.lease))
  }
  return tenants
}

/**
 * Everybody takes locks in this order, each kind sorted: spent keys, leases, the revision (objects are written under it only),
 * sessions, logs, the own recorder. So nobody waits in a circle.
 */
async function writeAll(
  client: PoolClient,
  numbering: Readonly<Numbering>,
  writes: readonly ReadyWrite[],
): Promise<{ readonly written: readonly Written[]; readonly next: number | undefined }> {
  const whyNot = await tryPreconditions(client, writes)
  const going = writes.filter((one) => !whyNot.has(one))
  const revisions = await writeChanges(client, going)
  await putSessions(
    client,
    going.flatMap(({ write }) => write.session ?? []),
  )
  await stepLeases(
    client,
    going.flatMap(({ write }) => write.lease ?? []),
  )
  const { next, head } = await writeEvents(client, numbering, going)
  let last = revisions.size === 0 ? head : Math.min(...revisions.values()) - 1
  const written = writes.map((one): Written => {
    const why = whyNot.get(one)
    if (why !== undefined) return { done: false, why }
    last = revisions.get(one) ?? last
    return { done: true, revision: last as Revision }
  })
  return { written, next }
}

async function tryPreconditions(
  client: PoolClient,
  writes: readonly ReadyWrite[],
): Promise<ReadonlyMap<ReadyWrite, Why>> {
  const whyNot = new Map<ReadyWrite, Why>()
  const spent = await spendKeys(
    client,
    writes.map(({ write }) => write.spend),
  )
  for (const [at, one] of writes.entries()) if (one.write.spend && !spent.has(at)) whyNot.set(one, 'spent')
  const going = writes.filter((one) => !whyNot.has(one))
  const mayStep = await lockLeases(
    client,
    going.flatMap(({ write }) => write.lease ?? []),
  )
  for (const one of going) if (one.write.lease && !mayStep(one.write.lease)) whyNot.set(one, 'ended')
  const [only] = writes
  if (only && writes.length === 1) await requireAlone(client, only, whyNot.get(only))
  return whyNot
}

/** A write that stands alone is rolled back as a whole. */
async function requireAlone(client: PoolClient, one: ReadyWrite, why: Why | undefined): Promise<void> {
  if (why !== undefined) throw new NotDone(why)
  const { ifRevision } = one.write
  if (ifRevision !== undefined && (await lockHead(client)) !== ifRevision) throw new NotDone('moved_on')
}

async function writeChanges(
  client: PoolClient,
  writes: readonly ReadyWrite[],
): Promise<ReadonlyMap<ReadyWrite, Revision>> {
  const changing = writes.filter(({ write }) => hasChanges(write.changes))
  const revisions = await putChanges(
    client,
    changing.map(({ write }) => write.changes ?? []),
  )
  return new Map(changing.flatMap((one, at) => pair(one, revisions[at])))
}

function hasChanges(changes: readonly ChangeDraft[] | undefined): boolean {
  return changes !== undefined && changes.length > 0
}

function pair<A, B>(a: A, b: B | undefined): [A, B][] {
  return b === undefined ? [] : [[a, b]]
}

/** Answers the number that comes next, and the newest revision. */
async function writeEvents(
  client: PoolClient,
  { recorder, next }: Readonly<Numbering>,
  writes: readonly ReadyWrite[],
): Promise<{ readonly next: number | undefined; readonly head: Revision }> {
  const events = writes.flatMap(({ events }) => events)
  if (events.length === 0) return { next, head: await readHead(client) }
  const from = next ?? (await nextNumber(client, recorder))
  await appendEvents(
    client,
    events.map((one, at) => ({ ...one, n: from + at, leaf: leafFrom(one.halves, from + at) })),
  )
  const to = from + events.length
  return { next: to, head: await advanceRecorder(client, recorder, from, to) }
}
