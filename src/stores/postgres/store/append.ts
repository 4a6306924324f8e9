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

const APPEND = {
  name: 'append_events',
  text: `with opened as (
      insert into countersign.audit_openings (tenant, idx, field, salt, value)
      select * from unnest($13::text[], $14::bigint[], $15::text[], $16::text[], $17::text[])
    ), grown as (
      update countersign.audit_trees tree set size = new.size, frontier = string_to_array(new.frontier, ',')
      from unnest($18::text[], $19::bigint[], $20::text[]) as new (tenant, size, frontier)
      where tree.tenant = new.tenant
    )
    insert into countersign.audit_events
      (tenant, idx, leaf, leaf_hash, recorder, n, at, kind, outcome, agent, resource, decision)
    select tenant, idx, leaf, decode(hash, 'base64'), recorder, n, at, kind, outcome, agent, resource, decision
    from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
      $8::text[], $9::text[], $10::text[], $11::text[], $12::text[])
      as new (tenant, idx, leaf, hash, recorder, n, at, kind, outcome, agent, resource, decision)`,
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
    values: [...eventColumns(placed), ...openingColumns(placed), ...treeColumns(frontiers)],
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

function eventColumns(placed: readonly Placed[]): unknown[] {
  return [
    placed.map(({ event }) => event.tenant),
    placed.map(({ idx }) => idx),
    placed.map(({ leaf }) => leaf),
    placed.map(({ hash }) => hash),
    placed.map(({ event }) => event.recorder),
    placed.map(({ n }) => n),
    placed.map(({ event }) => event.at),
    placed.map(({ event }) => event.kind),
    placed.map(({ event }) => event.outcome),
    placed.map(({ event }) => event.agent ?? null),
    placed.map(({ event }) => event.resource ?? null),
    placed.map(({ event }) => event.decision ?? null),
  ]
}

function openingColumns(placed: readonly Placed[]): unknown[] {
  const rows = placed.flatMap(({ event, idx, openings }) =>
    Object.entries(openings).map(([field, opening]) => ({ tenant: event.tenant, idx, field, ...opening })),
  )
  return [
    rows.map(({ tenant }) => tenant),
    rows.map(({ idx }) => idx),
    rows.map(({ field }) => field),
    rows.map(({ salt }) => salt),
    rows.map(({ value }) => value),
  ]
}

function treeColumns(frontiers: ReadonlyMap<TenantName, Frontier>): unknown[] {
  const grown = [...frontiers.values()]
  return [[...frontiers.keys()], grown.map(({ size }) => size), grown.map(({ peaks }) => peaks.join(','))]
}
