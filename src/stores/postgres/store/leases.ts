import type { Pool, PoolClient } from 'pg'
import type { Lease } from '../../../core/credential/lease.ts'
import type { TenantName } from '../../../core/ids.ts'
import type { LeaseStep, Store } from '../../../core/ports.ts'
import { Bug } from '../../../core/refusal.ts'
import { acrossTenants, inTenants } from './scope.ts'

type Place = { readonly tenant: TenantName; readonly id: Lease['id'] }
type Activation = Extract<LeaseStep, { activate: unknown }>['activate']
type LeaseRow = {
  readonly lease: string
  readonly handle: string
  readonly state: Lease['state']
}

const OPEN = {
  name: 'open_leases',
  text: `insert into countersign.leases (tenant, id, lease, handle, state, links, expires)
    select * from json_to_recordset($1::json)
      as new (tenant text, id text, lease text, handle text, state text, links text[], expires bigint)`,
}
const LOCK = {
  name: 'lock_leases',
  text: `select tenant, id, handle, state from countersign.leases
    where (tenant, id) in (select * from unnest($1::text[], $2::text[])) order by tenant, id for update`,
}
const ACTIVATE = {
  name: 'activate_leases',
  text: `update countersign.leases lease set state = 'active', handle = new.handle
    from unnest($1::text[], $2::text[], $3::text[]) as new (tenant, id, handle)
    where lease.tenant = new.tenant and lease.id = new.id and lease.state = 'pending'`,
}
const END = {
  name: 'end_leases',
  text: `update countersign.leases lease set state = 'ended'
    from unnest($1::text[], $2::text[]) as gone (tenant, id)
    where lease.tenant = gone.tenant and lease.id = gone.id and lease.state <> 'ended'`,
}

export function tenantOfStep(step: LeaseStep): TenantName {
  if ('open' in step) return step.open.tenant
  return 'activate' in step ? step.activate.tenant : step.end.tenant
}

/**
 * Locks the leases that will change, and answers for each step whether it may be taken: a lease that has ended, or is not there, can't
 * become active any more. Throws `Bug` when it is active already under another handle.
 */
export async function lockLeases(
  client: PoolClient,
  steps: readonly LeaseStep[],
): Promise<(step: LeaseStep) => boolean> {
  const places = steps.flatMap((step): Place[] =>
    'open' in step ? [] : ['activate' in step ? step.activate : step.end],
  )
  if (places.length === 0) return () => true
  const { rows } = await client.query<Place & Pick<LeaseRow, 'handle' | 'state'>>({
    ...LOCK,
    values: [places.map(({ tenant }) => tenant), places.map(({ id }) => id)],
  })
  const found = new Map(rows.map((row) => [keyOf(row), row]))
  return (step) => {
    if (!('activate' in step)) return true
    const lease = found.get(keyOf(step.activate))
    if (lease?.state === 'active' && lease.handle !== step.activate.handle) {
      throw new Bug('a lease was activated twice, for two credentials')
    }
    return lease !== undefined && lease.state !== 'ended'
  }
}

/** Takes the steps; where one lease takes several, it opens before it becomes active, and ends last. */
export async function stepLeases(client: PoolClient, steps: readonly LeaseStep[]): Promise<void> {
  const opened = steps.flatMap((step) => ('open' in step ? [step.open] : []))
  const activated = steps.flatMap((step) => ('activate' in step ? [step.activate] : []))
  const ended = steps.flatMap((step) => ('end' in step ? [step.end] : []))
  if (opened.length > 0) await client.query({ ...OPEN, values: [JSON.stringify(opened.map(openRow))] })
  if (activated.length > 0) await client.query({ ...ACTIVATE, values: activationColumns(activated) })
  if (ended.length > 0) {
    await client.query({
      ...END,
      values: [ended.map(({ tenant }) => tenant), ended.map(({ id }) => id)],
    })
  }
}

function openRow(lease: Lease) {
  const { tenant, id, handle, state, links, expires } = lease
  return { tenant, id, lease: JSON.stringify(lease), handle, state, links, expires }
}

function activationColumns(activated: readonly Activation[]): unknown[] {
  return [
    activated.map(({ tenant }) => tenant),
    activated.map(({ id }) => id),
    activated.map(({ handle }) => handle),
  ]
}

function keyOf({ tenant, id }: Place): string {
  return JSON.stringify([tenant, id])
}

function leaseOf({ lease, handle, state }: LeaseRow): Lease {
  return { ...JSON.parse(lease), handle, state } as Lease
}

/** Leases that have not ended, oldest end first. Without a tenant it is the system that asks, over all of them. */
export async function readOpenLeases(
  pool: Pool,
  where: Parameters<Store['openLeases']>[0],
): Promise<readonly Lease[]> {
  const values: unknown[] = []
  const tests = [`state <> 'ended'`]
  const test = (sql: string, value: unknown) => {
    values.push(value)
    tests.push(sql.replace('?', `$${values.length}`))
  }
  if (where.tenant !== undefined) test('tenant = ?', where.tenant)
  if (where.expiredBefore !== undefined) test('expires < ?', where.expiredBefore)
  if (where.link !== undefined) test('links @> array[?::text]', where.link)
  const text = `select lease, handle, state from countersign.leases where ${tests.join(' and ')} order by expires, tenant, id`
  const read = (client: PoolClient) => client.query<LeaseRow>({ text, values })
  const { rows } = await (where.tenant === undefined
    ? acrossTenants(pool, read)
    : inTenants(pool, [where.tenant], read))
  return rows.map(leaseOf)
}
