import type { Pool } from 'pg'
import { completeDraft } from '../../../core/audit/record-event.ts'
import type { HeldStore } from '../../../core/held.ts'
import type { NewId, RecorderId, TenantName } from '../../../core/ids.ts'
import type { KeptStore } from '../../../core/kept.ts'
import type { LoggedEvent, Store, Write, Written } from '../../../core/ports.ts'
import type { Clock } from '../../../core/time.ts'
import { epochMillis, toSeconds } from '../../../core/time.ts'
import type { GroupedCommit } from '../../../lib/grouped-commit.ts'
import { groupCommits } from '../../../lib/grouped-commit.ts'
import {
  eraseOpenings,
  findEvents,
  latestCheckpoint,
  readTree,
  saveCheckpoint,
  streamLeaves,
} from './audit-log.ts'
import { bindEvidence } from './bind-evidence.ts'
import { batchCommitter, type ReadyWrite, readyEvent, type Settled } from './commit.ts'
import { readChanges, readHead } from './documents.ts'
import { faulting, storeFault } from './fault.ts'
import { holdIn } from './held.ts'
import { keepIn } from './kept.ts'
import { readOpenLeases } from './leases.ts'
import { pruneExpired } from './prune.ts'
import { randomId, randomSalt } from './random.ts'
import { beginRecorder, endRecorder } from './recorder.ts'
import { renewIn } from './renewals.ts'
import { readSessions } from './sessions.ts'
import { journalTaker } from './take-journal.ts'
import { watchCommits } from './watch.ts'

export type PostgresStoreOptions = {
  /** A migrated database; the caller ends the pool, after the store. */
  readonly pool: Pool
  readonly now?: Clock
  readonly newId?: NewId
  /** Base64url of 16 random bytes. */
  readonly newSalt?: () => string
  /** How often other authorities' commits are looked for when no notification comes; 1 s. */
  readonly pollMs?: number
  /** How often expired rows are removed; 60 s. */
  readonly pruneMs?: number
  /** Writes in one transaction, and writes that may wait for one; 512 and 16,384. */
  readonly maxBatch?: number
  readonly maxQueue?: number
  /** Told when removing expired rows failed; it is tried again. */
  readonly onFault?: (fault: unknown) => void
}

/** A Store, and the name under which it numbers events: a new one for each start. */
export type PostgresStore = Store & KeptStore & HeldStore & { readonly recorder: RecorderId }

type Open = Required<Omit<PostgresStoreOptions, 'onFault'>> &
  Pick<PostgresStoreOptions, 'onFault'> & { readonly recorder: RecorderId }

/** Opens the Store on a migrated database. Throws `Unavailable` when it can't be reached. */
export async function createPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const newId = options.newId ?? randomId
  const open: Open = {
    now: () => epochMillis(Date.now()),
    newSalt: randomSalt,
    pollMs: 1_000,
    pruneMs: 60_000,
    maxBatch: 512,
    maxQueue: 16_384,
    ...options,
    newId,
    recorder: newId('recorder') as RecorderId,
  }
  await faulting(() => beginRecorder(open.pool, open.recorder, open.now()))
  return { ...writing(open), ...reading(open), ...keeping(open), ...holding(open), recorder: open.recorder }
}

type Writing = Pick<Store, 'commit' | 'takeJournal' | 'bindEvidence' | 'onCommit' | 'close'>

function writing(open: Open): Writing {
  const { pool, now, recorder } = open
  const group = groupCommits(batchCommitter(pool, recorder), open)
  const watch = watchCommits(pool, open.pollMs)
  const take = journalTaker(pool, now)
  const stopPruning = pruneRegularly(open)
  let closing: Promise<void> | undefined
  return {
    commit: (write) => commitOne(open, group, write),
    takeJournal: (from, gateway, tenants, records) =>
      faulting(() => take({ recorder: from, gateway, tenants, records })),
    bindEvidence: (tenant, instance, jkt, expires) =>
      faulting(() => bindEvidence(pool, now, { tenant, instance, jkt, expires })),
    onCommit: (listener) => watch.add(listener),
    close() {
      closing ??= faulting(async () => {
        stopPruning()
        await Promise.all([group.close(), watch.close()])
        await endRecorder(pool, recorder, now())
      })
      return closing
    },
  }
}

async function commitOne(
  { newId, newSalt, recorder }: Open,
  group: GroupedCommit<ReadyWrite, Settled>,
  write: Write,
): Promise<Written> {
  // Completed before it joins a batch: a draft that can't be recorded fails alone.
  const events = write.events.map((draft) =>
    readyEvent(completeDraft(draft, { id: newId('event'), recorder, newSalt })),
  )
  const settled = await faulting(() => group({ write, events }))
  if ('written' in settled) return settled.written
  throw storeFault(settled.cause)
}

function pruneRegularly({ pool, now, pruneMs, onFault }: Open): () => void {
  const prune = () => {
    faulting(() => pruneExpired(pool, toSeconds(now()))).catch((fault) => onFault?.(fault))
  }
  const timer = setInterval(prune, pruneMs)
  timer.unref()
  return () => clearInterval(timer)
}

function reading({ pool, now }: Open): Omit<Store, keyof Writing> {
  return {
    head: () => faulting(() => readHead(pool)),
    changes: (after) => faulting(() => readChanges(pool, after)),
    openLeases: (where) => faulting(() => readOpenLeases(pool, where)),
    sessions: (where) => faulting(() => readSessions(pool, now, where)),
    audit: (filter) => faulting(() => findEvents(pool, filter)),
    leaves: (tenant, from, to) => leavesOf(pool, tenant, from, to),
    tree: (tenant) => faulting(() => readTree(pool, tenant)),
    saveCheckpoint: (tenant, size, note) => faulting(() => saveCheckpoint(pool, tenant, size, note)),
    latestCheckpoint: (tenant) => faulting(() => latestCheckpoint(pool, tenant)),
    eraseOpenings: (tenant, user) => faulting(() => eraseOpenings(pool, tenant, user)),
  }
}

function keeping({ pool, now }: Open): KeptStore {
  const kept = keepIn(pool, now)
  const renewals = renewIn(pool, now)
  return {
    keep: (one, most) => faulting(() => kept.keep(one, most)),
    look: (tenant, kind, digest) => faulting(() => kept.look(tenant, kind, digest)),
    take: (tenant, kind, digest) => faulting(() => kept.take(tenant, kind, digest)),
    beginRenewal: (renewal) => faulting(() => renewals.beginRenewal(renewal)),
    renewal: (tenant, session) => faulting(() => renewals.renewal(tenant, session)),
    mayRenew: (ask) => faulting(() => renewals.mayRenew(ask)),
    renew: (ask) => faulting(() => renewals.renew(ask)),
    endRenewal: (tenant, session) => faulting(() => renewals.endRenewal(tenant, session)),
  }
}

function holding({ pool, now }: Open): HeldStore {
  const held = holdIn(pool, now)
  return {
    held: (key) => faulting(() => held.held(key)),
    holdings: (tenant, user) => faulting(() => held.holdings(tenant, user)),
    hold: (secret) => faulting(() => held.hold(secret)),
    claimHeld: (key, version, until) => faulting(() => held.claimHeld(key, version, until)),
    replaceHeld: (secret, version) => faulting(() => held.replaceHeld(secret, version)),
    unclaimHeld: (key, version) => faulting(() => held.unclaimHeld(key, version)),
    letGo: (key, version) => faulting(() => held.letGo(key, version)),
    tenantKey: (tenant) => faulting(() => held.tenantKey(tenant)),
    saveTenantKey: (tenant, wrapped, previous) =>
      faulting(() => held.saveTenantKey(tenant, wrapped, previous)),
  }
}

async function* leavesOf(
  pool: Pool,
  tenant: TenantName,
  from: number,
  to: number,
): AsyncIterable<LoggedEvent> {
  try {
    yield* streamLeaves(pool, tenant, from, to)
  } catch (error) {
    throw storeFault(error)
  }
}
