import type { PoolClient } from 'pg'
import type { Frontier } from '../../../core/audit/merkle-log.ts'
import { appendLeaf, frontierOf, leafHash } from '../../../core/audit/merkle-log.ts'
import type { RecordedEvent } from '../../../core/audit/record-event.ts'
import { leafOf } from '../../../core/audit/record-event.ts'
import type { TenantName } from '../../../core/ids.ts'
import { Bug } from '../../../core/refusal.ts'

export type NumberedEvent = RecordedEvent & { readonly n: number }

type TreeRow = { readonly tenant: TenantName; readonly size: bigint; readonly frontier: string[] }
type Placed = NumberedEvent & { readonly idx: number; readonly leaf: string; readonly hash: string }

/** In one order for everybody, so that two authorities with the same tenants never wait for each other in a circle. */
const LOCK_TREES = {
  name: 'lock_trees',
  text: `select tenant, size, frontier from countersign.audit_trees
    where tenant = any ($1::text[]) order by tenant for update`,
}

/** The rows come as JSON: a batch is written out by one call instead of being quoted value by value. */
const APPEND = {
  name: 'append_events',
  text: `with opened as (
      insert into countersign.audit_openings (tenant, idx, field, salt, value)
      select * from json_to_recordset($2::json)
        as new (tenant text, idx bigint, field text, salt text, value text)
    ), grown as (
      update countersign.audit_trees tree set size = new.size, frontier = new.peaks
      from json_to_recordset($3::json) as new (tenant text, size bigint, peaks text[])
      where tree.tenant = new.tenant
    )
    insert into countersign.audit_events
      (tenant, idx, leaf, leaf_hash, recorder, n, at, kind, outcome, agent, resource, decision)
    select tenant, idx, leaf, decode(hash, 'base64'), recorder, n, at, kind, outcome, agent, resource, decision
    from json_to_recordset($1::json) as new (tenant text, idx bigint, leaf text, hash text, recorder text, n bigint,
      at bigint, kind text, outcome text, agent text, resource text, decision text)`,
}

/** Adds events to their tenants' logs in this order. The rows of the logs must exist (`ensureTrees`). */
export async function appendEvents(client: PoolClient, events: readonly NumberedEvent[]): Promise<void> {
  if (events.length === 0) return
  // Before the lock: others wait for it.
  const leaves = events.map((one) => {
    const leaf = leafOf(one.event, one.n)
    return { ...one, leaf, hash: leafHash(leaf) }
  })
  const frontiers = await lockTrees(client, new Set(events.map(({ event }) => event.tenant)))
  const placed = leaves.map((one): Placed => {
    const before = frontiers.get(one.event.tenant)
    if (!before) throw new Bug('a log was not locked')
    frontiers.set(one.event.tenant, appendLeaf(before, one.hash).frontier)
    return { ...one, idx: before.size }
  })
  await client.query({
    ...APPEND,
    values: [placed.map(eventRow), placed.flatMap(openingRows), treeRows(frontiers)].map((rows) =>
      JSON.stringify(rows),
    ),
  })
}

async function lockTrees(
  client: PoolClient,
  tenants: ReadonlySet<TenantName>,
): Promise<Map<TenantName, Frontier>> {
  const { rows } = await client.query<TreeRow>({ ...LOCK_TREES, values: [[...tenants]] })
  return new Map(rows.map((row) => [row.tenant, readFrontier(row)]))
}

export function readFrontier(row: { readonly size: bigint; readonly frontier: readonly string[] }): Frontier {
  const frontier = frontierOf(Number(row.size), row.frontier)
  if (!frontier) throw new Bug('the stored frontier of a log is not one')
  return frontier
}

function eventRow({ event, idx, leaf, hash, n }: Placed) {
  const { tenant, recorder, at, kind, outcome, agent, resource, decision } = event
  return { tenant, idx, leaf, hash, recorder, n, at, kind, outcome, agent, resource, decision }
}

function openingRows({ event, idx, openings }: Placed) {
  return Object.entries(openings).map(([field, opening]) => ({
    tenant: event.tenant,
    idx,
    field,
    ...opening,
  }))
}

function treeRows(frontiers: ReadonlyMap<TenantName, Frontier>) {
  return [...frontiers].map(([tenant, { size, peaks }]) => ({ tenant, size, peaks }))
}
