import type { PoolClient } from 'pg'
import type { Frontier, TreeHash } from '../../../core/audit/merkle-log.ts'
import { appendLeaves, frontierOf, leafHash } from '../../../core/audit/merkle-log.ts'
import { PERSONAL, type RecordedEvent } from '../../../core/audit/record-event.ts'
import type { TenantName } from '../../../core/ids.ts'
import { Bug } from '../../../core/refusal.ts'
import { bigints, hashes, texts } from './binary-array.ts'

/** An event under its number, and its leaf as it goes into the log. */
export type NumberedEvent = RecordedEvent & { readonly n: number; readonly leaf: string }

type TreeRow = { readonly tenant: TenantName; readonly size: bigint; readonly frontier: string[] }
/** What one batch adds to the logs of its tenants, before anybody knows at which index. */
type Growth = ReadonlyMap<TenantName, TreeHash[]>

/** In one order for everybody, so that two authorities with the same tenants never wait for each other in a circle. */
const LOCK_TREES = {
  name: 'lock_trees',
  text: `select tenant, size, frontier from countersign.audit_trees
    where tenant = any ($1::text[]) order by tenant for update`,
}
const APPEND = {
  name: 'append_events',
  text: `insert into countersign.audit_events
      (tenant, idx, leaf, leaf_hash, recorder, n, at, kind, outcome, agent, resource, decision)
    select * from unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[], $5::text[], $6::bigint[],
      $7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[])`,
}
/** What follows from the rows: values behind the commitments, and where the logs stand now. */
const GROW = {
  name: 'grow_trees',
  text: `with opened as (
      insert into countersign.audit_openings (tenant, idx, field, salt, value)
      select * from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[])
    )
    update countersign.audit_trees tree set size = new.size, frontier = new.peaks
    from json_to_recordset($6::json) as new (tenant text, size bigint, peaks text[])
    where tree.tenant = new.tenant`,
}

/** Adds events to their tenants' logs in this order. The rows of the logs must exist (`ensureTrees`). */
export async function appendEvents(client: PoolClient, events: readonly NumberedEvent[]): Promise<void> {
  if (events.length === 0) return
  // Before the lock: others wait for it.
  const leaves = events.map(({ leaf }) => leafHash(leaf))
  const columns = columnsOf(events, leaves)
  const growth = growthOf(events, leaves)
  const before = await lockTrees(client, growth)
  const indexes = indexesOf(events, before)
  const [tenant, ...others] = columns
  const [, grown] = await Promise.all([
    client.query({ ...APPEND, values: [tenant, bigints(indexes), ...others] }),
    // Hashed and written out while PostgreSQL is busy with the rows.
    grownValues(events, indexes, before, growth),
  ])
  await client.query({ ...GROW, values: grown })
}

async function lockTrees(client: PoolClient, growth: Growth): Promise<ReadonlyMap<TenantName, Frontier>> {
  const { rows } = await client.query<TreeRow>({ ...LOCK_TREES, values: [[...growth.keys()]] })
  return new Map(rows.map((row) => [row.tenant, readFrontier(row)]))
}

export function readFrontier(row: { readonly size: bigint; readonly frontier: readonly string[] }): Frontier {
  const frontier = frontierOf(Number(row.size), row.frontier)
  if (!frontier) throw new Bug('the stored frontier of a log is not one')
  return frontier
}

function growthOf(events: readonly NumberedEvent[], leaves: readonly TreeHash[]): Growth {
  const growth = new Map<TenantName, TreeHash[]>()
  for (const [at, leaf] of leaves.entries()) {
    const tenant = tenantAt(events, at)
    const own = growth.get(tenant)
    if (own) own.push(leaf)
    else growth.set(tenant, [leaf])
  }
  return growth
}

function tenantAt(events: readonly NumberedEvent[], at: number): TenantName {
  const tenant = events[at]?.event.tenant
  if (tenant === undefined) throw new Bug('there is a leaf without an event')
  return tenant
}

function indexesOf(events: readonly NumberedEvent[], before: ReadonlyMap<TenantName, Frontier>): number[] {
  const next = new Map([...before].map(([tenant, { size }]) => [tenant, size]))
  return events.map(({ event: { tenant } }) => {
    const index = next.get(tenant)
    if (index === undefined) throw new Bug('a log was not locked')
    next.set(tenant, index + 1)
    return index
  })
}

/** All columns but `idx`, which is known only under the lock. */
function columnsOf(events: readonly NumberedEvent[], leaves: readonly TreeHash[]): readonly Buffer[] {
  return [
    texts(events.map(({ event }) => event.tenant)),
    texts(events.map(({ leaf }) => leaf)),
    hashes(leaves),
    texts(events.map(({ event }) => event.recorder)),
    bigints(events.map(({ n }) => n)),
    bigints(events.map(({ event }) => event.at)),
    texts(events.map(({ event }) => event.kind)),
    texts(events.map(({ event }) => event.outcome)),
    texts(events.map(({ event }) => event.agent)),
    texts(events.map(({ event }) => event.resource)),
    texts(events.map(({ event }) => event.decision)),
  ]
}

async function grownValues(
  events: readonly NumberedEvent[],
  indexes: readonly number[],
  before: ReadonlyMap<TenantName, Frontier>,
  growth: Growth,
): Promise<unknown[]> {
  const trees = [...before].map(([tenant, frontier]) => ({
    tenant,
    ...appendLeaves(frontier, growth.get(tenant) ?? []),
  }))
  return [...openingColumns(events, indexes), JSON.stringify(trees)]
}

function openingColumns(events: readonly NumberedEvent[], indexes: readonly number[]): readonly Buffer[] {
  const rows = events.flatMap(({ event, openings }, at) =>
    PERSONAL.flatMap((field) => {
      const opening = openings[field]
      return opening ? [{ tenant: event.tenant, idx: indexes[at] ?? 0, field, opening }] : []
    }),
  )
  return [
    texts(rows.map(({ tenant }) => tenant)),
    bigints(rows.map(({ idx }) => idx)),
    texts(rows.map(({ field }) => field)),
    texts(rows.map(({ opening }) => opening.salt)),
    texts(rows.map(({ opening }) => opening.value)),
  ]
}
