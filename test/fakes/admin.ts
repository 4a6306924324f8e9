import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { ATTESTORS } from '../../src/attestors/registry.ts'
import { applyChanges } from '../../src/core/apply-changes.ts'
import { signCheckpoint } from '../../src/core/audit/checkpoint.ts'
import { leafOf } from '../../src/core/audit/leaf.ts'
import {
  appendLeaf,
  EMPTY_FRONTIER,
  frontierRoot,
  leafHash,
  type TreeHash,
} from '../../src/core/audit/merkle-log.ts'
import { completeDraft } from '../../src/core/audit/record-event.ts'
import { type NoteSigner, noteKey, noteKeyText } from '../../src/core/audit/signed-note.ts'
import { addDocuments, type Documents } from '../../src/core/documents.ts'
import { type NewId, type RecorderId, type Revision, revision, type TenantName } from '../../src/core/ids.ts'
import type { AuditFilter, LoggedEvent, Store, Write } from '../../src/core/ports.ts'
import { refuse } from '../../src/core/refusal.ts'
import type { Change } from '../../src/core/registry.ts'
import { err, ok } from '../../src/core/result.ts'
import { emptySnapshot, type Snapshot } from '../../src/core/snapshot.ts'
import { epochMillis } from '../../src/core/time.ts'
import { acceptDefinition } from '../../src/flows/accept-definition.ts'
import { liftQuarantine } from '../../src/flows/quarantine-policies.ts'
import { createReadPolicies } from '../../src/flows/read-policies.ts'
import { restore } from '../../src/flows/restore.ts'
import { revocableLink } from '../../src/flows/revocable-link.ts'
import { openCedar } from '../../src/lib/cedar/cedar.ts'
import { newSigningKey } from '../../src/lib/jose/signing-key.ts'
import type { AdminPorts } from '../../src/protocols/admin/ports.ts'
import { conditionTest } from '../properties/decide-world.ts'

const NOW = epochMillis(Date.UTC(2026, 10, 24, 9, 14, 2, 113))

/** A registry and an audit log in memory that behave as the store does: revisions in order, commits whole or not at all. */
export type MemoryRegistry = {
  readonly store: Pick<Store, 'commit' | 'audit' | 'tree' | 'leaves'>
  readonly snapshot: () => Snapshot
  readonly documents: () => Documents
  readonly refresh: () => Promise<void>
  readonly log: (tenant: string) => readonly LoggedEvent[]
  /** Commits something of somebody else right before the next write. */
  readonly interfere: (write: Write) => void
}

export function memoryRegistry(): MemoryRegistry {
  const committed: Change[] = []
  const logs = new Map<string, LoggedEvent[]>()
  let head = 0
  let seen = { snapshot: emptySnapshot(), documents: new Map() as Documents, read: 0 }
  let first: Write | undefined
  let ids = 0
  const log = (tenant: string) => logs.get(tenant) ?? []
  const append = (write: Write) => {
    for (const draft of write.events) {
      const events = log(draft.tenant)
      ids += 1
      const marks = {
        id: `evt_${ids}`,
        recorder: 'rec_test' as RecorderId,
        newSalt: () => randomBytes(16).toString('base64url'),
      }
      const { event, openings } = completeDraft(draft, marks)
      const leaf = leafOf(event, ids)
      events.push({ index: events.length, leaf, event: { ...event, n: ids }, openings })
      logs.set(draft.tenant, events)
    }
    if (write.changes && write.changes.length > 0) head += 1
    for (const change of write.changes ?? []) committed.push({ ...change, revision: revision(head) })
  }
  const frontier = (tenant: string) =>
    log(tenant).reduce((all, { leaf }) => appendLeaf(all, leafHash(leaf)).frontier, EMPTY_FRONTIER)
  return {
    log,
    interfere: (write) => {
      first = write
    },
    snapshot: () => seen.snapshot,
    documents: () => seen.documents,
    refresh: async () => {
      const changes = committed.slice(seen.read)
      seen = {
        documents: addDocuments(seen.documents, changes),
        snapshot: applyChanges(seen.snapshot, changes, { conditionTest }),
        read: committed.length,
      }
    },
    store: {
      commit: async (write) => {
        if (first) append(first)
        first = undefined
        if (write.ifRevision !== undefined && write.ifRevision !== head)
          return { done: false, why: 'moved_on' }
        append(write)
        return { done: true, revision: revision(head) }
      },
      audit: async (filter) =>
        log(filter.tenant)
          .filter((event) => matches(event, filter))
          .slice(-filter.limit),
      tree: async (tenant) => {
        const { size, peaks } = frontier(tenant)
        return { size, frontier: peaks, root: frontierRoot({ size, peaks }) }
      },
      leaves: async function* (tenant, from, to) {
        yield* log(tenant).slice(from, to)
      },
    },
  }
}

function matches({ event, openings, index }: LoggedEvent, filter: AuditFilter): boolean {
  return (
    (filter.decision === undefined || event.decision === filter.decision) &&
    (filter.agent === undefined || event.agent === filter.agent) &&
    (filter.outcome === undefined || event.outcome === filter.outcome) &&
    (filter.user === undefined || openings.user?.value === filter.user) &&
    (filter.after === undefined || index > filter.after)
  )
}

const cedar = openCedar()
export const closeCedar = () => cedar.close()

export type FakeAdmin = AdminPorts & { readonly memory: MemoryRegistry }

/** The admin API's ports over a registry in memory, with the real checks of configuration and policies. */
export function fakeAdmin(changed: Partial<AdminPorts> = {}): FakeAdmin {
  const memory = memoryRegistry()
  const { store, snapshot, documents, refresh } = memory
  const pair = generateKeyPairSync('ed25519')
  const signer: NoteSigner = { name: 'log.example', ...pair }
  const origin = (tenant: TenantName) => `log.example/t/${tenant}`
  let ids = 0
  const newId: NewId = (kind) => {
    ids += 1
    return `${kind}_${ids}`
  }
  const now = () => NOW
  return {
    memory,
    origin: 'https://authority.example',
    now,
    newId,
    snapshot,
    adminKey: newSigningKey(),
    store,
    registry: {
      now,
      schemas: {
        trust: new Map([...ATTESTORS].map(([name, { trust }]) => [name, trust])),
        credential: new Map([['signed-token', z.looseObject({})]]),
        condition: new Map([['time', z.looseObject({ zone: z.string() })]]),
      },
      readPolicies: createReadPolicies(cedar),
      issuerOf: (tenant) => `https://authority.example/t/${tenant}`,
      inspect: async () => [],
      documents,
      revision: () => snapshot().revision,
      refresh,
      store,
    },
    checkpoints: {
      origin,
      logKey: noteKeyText(noteKey('log.example', pair.publicKey)),
      checkpoint: async (tenant) => {
        const { size, root } = await store.tree(tenant)
        return {
          size,
          note: signCheckpoint({ origin: origin(tenant), size, root: root as TreeHash }, signer),
        }
      },
    },
    revoke: fakeRevoke(memory),
    restore: (ask) => restore({ store, snapshot, refresh, now }, ask),
    lift: (ask) => liftQuarantine({ store, snapshot, refresh, now }, ask),
    accept: (ask) => acceptDefinition({ store, snapshot, refresh, now }, ask),
    engines: () => [
      { role: 'authority', again: 12, differed: 0, dropped: 0 },
      { role: 'gateway', gateway: 'edge', instance: 'gw-1', again: 345, differed: 1, dropped: 2 },
    ],
    gateways: () => [
      {
        gateway: 'edge',
        instance: 'gw-1',
        key: 'k1',
        revision: snapshot().revision,
        ms: 6,
        connectedMs: 61_000,
      },
    ],
    roots: async () => [
      { root: 'audit-log.key', what: 'signs checkpoints', where: '/var/lib/countersign/keys' },
    ],
    ...changed,
  }
}

/** Revokes in the registry as the product does; what gateways and providers would answer is made up. */
function fakeRevoke({ store, snapshot, refresh }: MemoryRegistry): AdminPorts['revoke'] {
  return async (ask) => {
    const tenant = snapshot().tenants.get(ask.tenant)
    if (!tenant) return err(refuse('unknown', 'tenant.unknown', 'There is no such tenant.'))
    const link = revocableLink(tenant, ask.link)
    if (!link.ok) return link
    const doc = { revocation: link.value, standing: ask.standing, reason: ask.reason }
    const event = {
      tenant: ask.tenant,
      at: NOW,
      kind: 'revocation',
      outcome: 'done',
      reason: 'revoked',
    } as const
    const written = await store.commit({
      events: [{ ...event, personal: { user: ask.by } }],
      changes: [{ tenant: ask.tenant, kind: 'revocation', name: link.value, doc }],
    })
    await refresh()
    const gateways = [
      { gateway: 'edge', instance: 'gw-1', ms: 6 },
      { gateway: 'edge', instance: 'gw-2', ms: 9 },
    ]
    const leases = { ended: [], failed: [] }
    const at = written.done ? written.revision : (0 as Revision)
    return ok({ link: link.value, revision: at, ms: 14.2, gateways, sessions: 41, leases })
  }
}
