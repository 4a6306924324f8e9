import type { AuditDraft, AuditEvent, Openings } from './audit/audit-event.ts'
import type { UnnumberedEvent } from './audit/record-event.ts'
import type { Lease } from './credential/lease.ts'
import type { RecorderId, Revision, SessionId, TenantName } from './ids.ts'
import type { Link } from './lifecycle/revocation.ts'
import type { Change, ChangeDraft } from './registry.ts'
import type { EpochMillis, EpochSeconds } from './time.ts'

/** One bounded run of an agent for at most one user. */
export type SessionRow = {
  readonly id: SessionId
  readonly tenant: TenantName
  readonly agent: string
  readonly user?: string
  readonly links: readonly Link[]
  readonly started: EpochMillis
  readonly expires: EpochSeconds
}

/** A change of a lease's state; `active` and `ended` follow `pending` and never go back. */
export type LeaseStep =
  | { readonly open: Lease }
  | { readonly activate: { readonly tenant: TenantName; readonly id: Lease['id']; readonly handle: string } }
  | { readonly end: { readonly tenant: TenantName; readonly id: Lease['id'] } }

/** Why a gateway's records were not taken; `tenant`: an event of a tenant that the gateway doesn't serve. */
export type JournalBreak = 'gap' | 'fork' | 'altered' | 'tenant'

/**
 * What is committed together, or not at all. `events` go to their tenants' logs in this order. `changes` share one new revision.
 * `spend` is tried first: when the key was spent before (`spent`), nothing else of this write happens. Nothing happens either when a
 * lease that should be activated has ended meanwhile (`ended`), so that its credential is not handed out.
 */
export type Write = {
  readonly events: readonly AuditDraft[]
  readonly changes?: readonly ChangeDraft[]
  readonly spend?: { readonly tenant: TenantName; readonly key: string; readonly expires: EpochSeconds }
  readonly session?: SessionRow
  readonly lease?: LeaseStep
  /** Refuse (`registry.moved_on`) unless the registry is still at this revision. */
  readonly ifRevision?: Revision
}

export type Written =
  | { readonly done: true; readonly revision: Revision }
  | { readonly done: false; readonly why: 'spent' | 'moved_on' | 'ended' }

/** One record as a gateway's Journal ships it: hash-chained, so a gap, a fork or an altered record shows. The event's `n` is the record's. */
export type ShippedRecord = {
  readonly n: number
  readonly prev: string
  readonly hash: string
  readonly body: { readonly event: UnnumberedEvent; readonly openings: Openings }
}

export type AuditFilter = {
  readonly tenant: TenantName
  readonly agent?: string
  /** A person's name as it was recorded; matched against openings that still exist. */
  readonly user?: string
  readonly resource?: string
  readonly decision?: string
  readonly outcome?: AuditEvent['outcome']
  readonly from?: EpochMillis
  readonly until?: EpochMillis
  readonly limit: number
  readonly after?: number
}
export type LoggedEvent = {
  readonly index: number
  readonly leaf: string
  readonly event: AuditEvent
  readonly openings: Openings
}

/**
 * The Store: durable, ordered, shared by all authorities. Every method throws `Unavailable` when the database can't answer;
 * nothing is retried silently. `commit` groups concurrent writes into one transaction and resolves after it is durable.
 */
export interface Store {
  commit(write: Write): Promise<Written>
  /** The newest committed revision, read from the database now. */
  head(): Promise<Revision>
  /** Committed changes after a revision, oldest first, all of a revision together; the newest document of each object only. */
  changes(after: Revision): Promise<readonly Change[]>
  /** Calls back soon after any commit that has changes, from whichever authority. Resolves to a function that stops it. */
  onCommit(listener: () => void): Promise<() => Promise<void>>
  /**
   * Binds reusable evidence to an instance's key on first use. `previous` is the key it was bound to before, when that was another one;
   * the binding then moves to the new key.
   */
  bindEvidence(
    tenant: TenantName,
    instance: string,
    jkt: string,
    expires: EpochSeconds,
  ): Promise<{ readonly previous?: string }>
  /** Leases that are not ended, for the sweep (`expired` before a time) and for revocation (by link). */
  openLeases(where: {
    readonly expiredBefore?: EpochSeconds
    readonly tenant?: TenantName
    readonly link?: Link
  }): Promise<readonly Lease[]>
  sessions(where: { readonly tenant: TenantName; readonly link: Link }): Promise<readonly SessionRow[]>
  /**
   * Takes a gateway's records into the tenants' logs, in order, exactly once; answers the number it wants next, the first being 1.
   * Records that were taken before may be repeated. Anything that doesn't fit changes nothing. `tenants` are those the gateway serves.
   */
  takeJournal(
    recorder: RecorderId,
    gateway: string,
    tenants: readonly TenantName[],
    records: readonly ShippedRecord[],
  ): Promise<
    | { readonly ok: true; readonly next: number }
    | { readonly ok: false; readonly why: JournalBreak; readonly next: number }
  >
  /** Events in the order of the log: without `after` the newest `limit` that match, with it those that follow that index. */
  audit(filter: AuditFilter): Promise<readonly LoggedEvent[]>
  /** Streams a tenant's leaves in order, for export and proofs: from the index `from` up to, not including, `to`. */
  leaves(tenant: TenantName, from: number, to: number): AsyncIterable<LoggedEvent>
  /** Tree size and frontier of a tenant's log, read with the row lock's order: everything before it is durable. */
  tree(
    tenant: TenantName,
  ): Promise<{ readonly size: number; readonly frontier: readonly string[]; readonly root: string }>
  saveCheckpoint(tenant: TenantName, size: number, note: string): Promise<void>
  latestCheckpoint(tenant: TenantName): Promise<{ readonly size: number; readonly note: string } | undefined>
  /** Forgets the values behind one person's events; the log and its proofs stay whole. Answers how many were forgotten. */
  eraseOpenings(tenant: TenantName, user: string): Promise<number>
  close(): Promise<void>
}
