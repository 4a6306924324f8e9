import type { Revision } from '../../core/ids.ts'
import { Unavailable } from '../../core/refusal.ts'
import type { Change } from '../../core/registry.ts'
import { atRevision, emptySnapshot, type Snapshot } from '../../core/snapshot.ts'
import type { TicketKey } from '../../core/ticket-key.ts'
import type { FeedMessage } from '../../flows/feed-gateway.ts'

export type ApplyChanges = (snapshot: Snapshot, changes: readonly Change[]) => Snapshot

/** What this gateway knows, and how long ago the authority last said that it was current. */
export type RegistryView = {
  /** Takes one message, in order. Answers the revision to acknowledge, if any. Throws `Unavailable` for one that leads back in time. */
  readonly take: (message: FeedMessage) => Revision | undefined
  readonly snapshot: () => Snapshot
  readonly staleMs: () => number
  readonly serves: (tenant: string, resource?: string) => boolean
  readonly ticketKeys: (tenant: string) => readonly TicketKey[]
  readonly onChange: (listener: () => void) => () => void
}

type Listed = { readonly tenants: ReadonlySet<string>; readonly resources?: ReadonlySet<string> }
const NOTHING: Listed = { tenants: new Set() }

/** The end of a feed that is not to be waited out: what is known may be used no longer. */
const FINAL = new Set(['gateway.revoked', 'gateway.removed', 'tenant.suspended', 'tenant.broken'])

export function createRegistryView(apply: ApplyChanges, monotonic: () => number): RegistryView {
  let snapshot = emptySnapshot()
  let listed = NOTHING
  let ticketKeys: ReadonlyMap<string, readonly TicketKey[]> = new Map()
  let confirmedAt = -Infinity
  const listeners = new Set<() => void>()

  function move(message: Extract<FeedMessage, { type: 'documents' | 'changes' }>): Revision {
    const { type, changes, revision, tenants, resources } = message
    // Another authority, or a database that was put back: what was revoked since must not come back to life.
    if (revision < snapshot.revision) {
      throw new Unavailable('authority.behind', 'the authority is behind what this gateway knows already')
    }
    const from = type === 'documents' ? emptySnapshot() : snapshot
    snapshot = atRevision(apply(from, changes), revision)
    listed = { tenants: new Set(tenants), ...(resources ? { resources: new Set(resources) } : {}) }
    for (const listener of listeners) listener()
    return revision
  }

  function end(reason: string): void {
    if (!FINAL.has(reason)) return
    confirmedAt = -Infinity
    listed = NOTHING
    ticketKeys = new Map()
    for (const listener of listeners) listener()
  }

  return {
    take: (message) => {
      if (message.type === 'heartbeat') {
        if (message.revision <= snapshot.revision) confirmedAt = monotonic()
        return undefined
      }
      if (message.type === 'end') return void end(message.reason)
      if (message.type === 'ticket-keys') {
        ticketKeys = new Map(Object.entries(message.tenants))
        return undefined
      }
      return move(message)
    },
    snapshot: () => snapshot,
    staleMs: () => monotonic() - confirmedAt,
    serves: (tenant, resource) =>
      listed.tenants.has(tenant) && (resource === undefined || (listed.resources?.has(resource) ?? true)),
    ticketKeys: (tenant) => ticketKeys.get(tenant) ?? [],
    onChange: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
