import type { Pool, PoolClient } from 'pg'
import type { AuditEvent, Openings } from '../../../core/audit/audit-event.ts'
import { EMPTY_FRONTIER, frontierRoot } from '../../../core/audit/merkle-log.ts'
import type { TenantName } from '../../../core/ids.ts'
import type { AuditFilter, LoggedEvent, Store } from '../../../core/ports.ts'
import { Bug } from '../../../core/refusal.ts'
import { readFrontier } from './append.ts'
import { inTenants } from './scope.ts'

type EventRow = { readonly idx: bigint; readonly leaf: string }
type OpeningRow = {
  readonly idx: bigint
  readonly field: keyof Openings
  readonly salt: string
  readonly value: string
}
type TreeRow = { readonly size: bigint; readonly frontier: string[] }

/** Leaves that a stream reads at a time. */
const PAGE = 1_000
/** The most events that one question is answered with. */
export const MAX_EVENTS = 10_000

const LEAVES = {
  name: 'leaves',
  text: `select idx, leaf from countersign.audit_events
    where tenant = $1 and idx >= $2 and idx < $3 order by idx limit $4`,
}
const OPENINGS = {
  name: 'openings',
  text: `select idx, field, salt, value from countersign.audit_openings
    where tenant = $1 and idx = any ($2::bigint[])`,
}
const TREE = {
  name: 'tree',
  text: 'select size, frontier from countersign.audit_trees where tenant = $1',
}
const ERASE = {
  name: 'erase_openings',
  text: `delete from countersign.audit_openings gone
    using countersign.audit_openings mine
    where mine.tenant = $1 and mine.value = $2
      and mine.user_hash = hashtextextended($2, 0)
      and gone.tenant = mine.tenant and gone.idx = mine.idx`,
}
const SAVE_CHECKPOINT = {
  name: 'save_checkpoint',
  text: `insert into countersign.checkpoints (tenant, size, note)
    select tenant, $2, $3 from countersign.audit_trees where tenant = $1 and size >= $2
    on conflict (tenant, size) do update set note = excluded.note`,
}
const LATEST_CHECKPOINT = {
  name: 'latest_checkpoint',
  text: 'select size, note from countersign.checkpoints where tenant = $1 order by size desc limit 1',
}

/** The SQL of a filter. Long or personal values are found by their hash, and compared whole. */
function matching(filter: AuditFilter): { readonly text: string; readonly values: unknown[] } {
  const values: unknown[] = [filter.tenant]
  const tests = ['e.tenant = $1']
  const test = (sql: string, value: unknown) => {
    if (value === undefined) return
    values.push(value)
    tests.push(sql.replaceAll('?', `$${values.length}`))
  }
  test('e.agent = ?', filter.agent)
  test('e.resource = ? and e.resource_hash = hashtextextended(?, 0)', filter.resource)
  test('e.decision = ?', filter.decision)
  test('e.outcome = ?', filter.outcome)
  test('e.at >= ?', filter.from)
  test('e.at < ?', filter.until)
  test('e.idx > ?', filter.after)
  test(
    `o.tenant = e.tenant and o.idx = e.idx and o.value = ?
      and o.user_hash = hashtextextended(?, 0)`,
    filter.user,
  )
  const from = filter.user === undefined ? '' : ', countersign.audit_openings o'
  values.push(Math.min(filter.limit, MAX_EVENTS))
  const text = `select e.idx, e.leaf from countersign.audit_events e${from} where ${tests.join(' and ')}
    order by e.idx ${filter.after === undefined ? 'desc' : 'asc'} limit $${values.length}`
  return { text, values }
}

export async function findEvents(pool: Pool, filter: AuditFilter): Promise<readonly LoggedEvent[]> {
  return inTenants(pool, [filter.tenant], async (client) => {
    const { rows } = await client.query<EventRow>(matching(filter))
    return withOpenings(client, filter.tenant, filter.after === undefined ? rows.reverse() : rows)
  })
}

/** A page at a time, so that a long export holds neither a transaction nor memory. The log only grows, so pages fit together. */
export async function* streamLeaves(
  pool: Pool,
  tenant: TenantName,
  from: number,
  to: number,
): AsyncIterable<LoggedEvent> {
  let next = from
  while (next < to) {
    const page = await inTenants(pool, [tenant], async (client) => {
      const { rows } = await client.query<EventRow>({ ...LEAVES, values: [tenant, next, to, PAGE] })
      return withOpenings(client, tenant, rows)
    })
    yield* page
    if (page.length < PAGE) return
    next += PAGE
  }
}

async function withOpenings(
  client: PoolClient,
  tenant: TenantName,
  events: readonly EventRow[],
): Promise<readonly LoggedEvent[]> {
  if (events.length === 0) return []
  const values = [tenant, events.map(({ idx }) => String(idx))]
  const { rows } = await client.query<OpeningRow>({ ...OPENINGS, values })
  const openings = new Map<bigint, Openings>()
  for (const { idx, field, salt, value } of rows) {
    openings.set(idx, { ...openings.get(idx), [field]: { salt, value } })
  }
  return events.map(({ idx, leaf }) => ({
    index: Number(idx),
    leaf,
    event: JSON.parse(leaf) as AuditEvent,
    openings: openings.get(idx) ?? {},
  }))
}

export async function readTree(pool: Pool, tenant: TenantName): ReturnType<Store['tree']> {
  const { rows } = await inTenants(pool, [tenant], (client) =>
    client.query<TreeRow>({ ...TREE, values: [tenant] }),
  )
  const frontier = rows[0] ? readFrontier(rows[0]) : EMPTY_FRONTIER
  return { size: frontier.size, frontier: frontier.peaks, root: frontierRoot(frontier) }
}

export async function eraseOpenings(pool: Pool, tenant: TenantName, user: string): Promise<number> {
  const { rowCount } = await inTenants(pool, [tenant], (client) =>
    client.query({ ...ERASE, values: [tenant, user] }),
  )
  return rowCount ?? 0
}

/** Throws `Bug` for a checkpoint of a size that the log has not reached. */
export async function saveCheckpoint(
  pool: Pool,
  tenant: TenantName,
  size: number,
  note: string,
): Promise<void> {
  const { rowCount } = await inTenants(pool, [tenant], (client) =>
    client.query({ ...SAVE_CHECKPOINT, values: [tenant, size, note] }),
  )
  if (rowCount !== 1) throw new Bug('a checkpoint is ahead of its log')
}

export async function latestCheckpoint(
  pool: Pool,
  tenant: TenantName,
): Promise<{ readonly size: number; readonly note: string } | undefined> {
  const { rows } = await inTenants(pool, [tenant], (client) =>
    client.query<{ size: bigint; note: string }>({ ...LATEST_CHECKPOINT, values: [tenant] }),
  )
  const [row] = rows
  return row && { size: Number(row.size), note: row.note }
}
