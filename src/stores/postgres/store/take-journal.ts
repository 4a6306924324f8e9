import type { Pool, PoolClient } from 'pg'
import { leafOf } from '../../../core/audit/leaf.ts'
import { parseShipped } from '../../../core/audit/record-event.ts'
import type { RecorderId, TenantName } from '../../../core/ids.ts'
import type { JournalBreak, ShippedRecord } from '../../../core/ports.ts'
import type { Clock } from '../../../core/time.ts'
import { acceptRecords, chainStart } from '../../../lib/record-chain.ts'
import { appendEvents, type NumberedEvent } from './append.ts'
import { inTenants } from './scope.ts'
import { treeKeeper } from './trees.ts'

export type Shipment = {
  readonly recorder: RecorderId
  readonly gateway: string
  readonly tenants: readonly TenantName[]
  readonly records: readonly ShippedRecord[]
}
export type Taken =
  | { readonly ok: true; readonly next: number }
  | { readonly ok: false; readonly why: JournalBreak; readonly next: number }

type Head = { readonly next: number; readonly hash: string }
type Read = NumberedEvent & { readonly prev: string; readonly hash: string }

const FIRST = {
  name: 'first_of_gateway',
  text: `insert into countersign.recorders (recorder, kind, gateway, next_n, head_hash, started)
    values ($1, 'gateway', $2, 1, $3, $4) on conflict (recorder) do nothing`,
}
const LOCK = {
  name: 'lock_recorder',
  text: `select kind, gateway, next_n, head_hash from countersign.recorders where recorder = $1 for update`,
}
const MOVE = {
  name: 'move_recorder',
  text: 'update countersign.recorders set next_n = $2, head_hash = $3 where recorder = $1',
}
const TAKEN = {
  name: 'taken_before',
  text: 'select n, leaf from countersign.audit_events where recorder = $1 and n between $2 and $3',
}
const NEXT = {
  name: 'next_of_recorder',
  text: 'select next_n from countersign.recorders where recorder = $1',
}

class Refused extends Error {
  readonly why: JournalBreak
  constructor(why: JournalBreak) {
    super(why)
    this.why = why
  }
}

/** Takes gateways' records: checked as a whole, then appended in one transaction under the lock of their recorder. */
export function journalTaker(pool: Pool, now: Clock): (shipment: Shipment) => Promise<Taken> {
  const ensureTrees = treeKeeper(pool)
  return async (shipment) => {
    try {
      const read = readShipment(shipment)
      const tenants = new Set(read.map(({ event }) => event.tenant))
      await ensureTrees(tenants)
      const next = await inTenants(pool, tenants, (client) => take(client, shipment, read, now))
      return { ok: true, next }
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      return { ok: false, why: error.why, next: await readNext(pool, shipment.recorder) }
    }
  }
}

/** What can be said of the records alone: they are a chain, each holds an event as it must be, of a tenant that is served here. */
function readShipment({ recorder, tenants, records }: Shipment): readonly Read[] {
  const [first] = records
  if (!first) return []
  const chain = acceptRecords({ n: first.n - 1, hash: first.prev }, records)
  if (!chain.ok) throw new Refused(chain.error.why)
  return records.map(({ n, prev, hash, body }) => {
    const read = parseShipped(body, recorder)
    if (!read) throw new Refused('altered')
    if (!tenants.includes(read.event.tenant)) throw new Refused('tenant')
    return { ...read, n, prev, hash, leaf: leafOf(read.event, n) }
  })
}

async function take(
  client: PoolClient,
  { recorder, gateway }: Shipment,
  read: readonly Read[],
  now: Clock,
): Promise<number> {
  await client.query({ ...FIRST, values: [recorder, gateway, chainStart(recorder).hash, now()] })
  const head = await lockRecorder(client, recorder, gateway)
  const [first] = read
  if (first && first.n > head.next) throw new Refused('gap')
  await requireSame(
    client,
    recorder,
    read.filter(({ n }) => n < head.next),
  )
  const fresh = read.filter(({ n }) => n >= head.next)
  const last = fresh.at(-1)
  if (!last) return head.next
  // The chain binds a record to all before it, so a repeated one that was replaced shows here too.
  if (fresh[0]?.prev !== head.hash) throw new Refused('fork')
  await appendEvents(client, fresh)
  await client.query({ ...MOVE, values: [recorder, last.n + 1, last.hash] })
  return last.n + 1
}

/** Locked, so that two authorities that are shipped the same records take them one after the other. */
async function lockRecorder(client: PoolClient, recorder: RecorderId, gateway: string): Promise<Head> {
  const { rows } = await client.query<{
    readonly kind: string
    readonly gateway: string | null
    readonly next_n: bigint
    readonly head_hash: string | null
  }>({ ...LOCK, values: [recorder] })
  const [row] = rows
  // Another gateway's numbering, or an authority's own, is nobody else's to continue.
  if (row?.kind !== 'gateway' || row.gateway !== gateway || row.head_hash === null) throw new Refused('fork')
  return { next: Number(row.next_n), hash: row.head_hash }
}

/** Records under numbers that were taken must be the records that were taken: the leaf holds a commitment to everything in them. */
async function requireSame(
  client: PoolClient,
  recorder: RecorderId,
  repeated: readonly Read[],
): Promise<void> {
  const [first, last] = [repeated[0], repeated.at(-1)]
  if (!first || !last) return
  const { rows } = await client.query<{ n: bigint; leaf: string }>({
    ...TAKEN,
    values: [recorder, first.n, last.n],
  })
  const leaves = new Map(rows.map(({ n, leaf }) => [Number(n), leaf]))
  for (const { leaf, n } of repeated) if (leaves.get(n) !== leaf) throw new Refused('fork')
}

async function readNext(pool: Pool, recorder: RecorderId): Promise<number> {
  const { rows } = await pool.query<{ next_n: bigint }>({ ...NEXT, values: [recorder] })
  return Number(rows[0]?.next_n ?? 1)
}
