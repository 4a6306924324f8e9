import type { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TenantName } from '../../../core/ids.ts'
import { revision } from '../../../core/ids.ts'
import { link } from '../../../core/lifecycle/revocation.ts'
import { draftOf, factOf, LATER, leaseOf, leavesOf, renewalOf, sessionOf } from '../../contract-drafts.ts'
import { openPool } from '../connect.ts'
import { migrate } from '../migrate.ts'
import { startTestPostgres, type TestPostgres } from '../testing.ts'
import { createPostgresStore, type PostgresStore } from './create.ts'
import { acrossTenants, inTenants } from './scope.ts'

const migrations = new URL('../migrations', import.meta.url)
const acme = 'acme' as TenantName
const blue = 'blue' as TenantName

let postgres: TestPostgres
let pool: Pool
let store: PostgresStore

async function fill(into: PostgresStore, tenant: TenantName): Promise<void> {
  await into.commit({
    events: [draftOf(tenant, { personal: { user: 'ann' } })],
    changes: [factOf(tenant, 'a', '1')],
    spend: { tenant, key: 'k', expires: LATER },
    session: sessionOf(tenant, 'a', { links: [link('key', 'k')] }),
    lease: { open: leaseOf(tenant, 'a') },
  })
  await into.bindEvidence(tenant, 'pod', 'key', LATER)
  await into.saveCheckpoint(tenant, 1, 'note')
  await into.keep({ tenant, kind: 'code', digest: 'd', doc: '{}', expires: LATER })
  await into.beginRenewal(renewalOf(tenant, 'a'))
  await into.hold({ tenant, user: '', place: 'resource:a', sealed: '{}', about: '{}' })
  await into.saveTenantKey(tenant, '{}', undefined)
}

/** Every table that has a tenant, also one that a later migration adds. */
async function tenantTables(): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'countersign'::regnamespace and c.relkind = 'r' and a.attname = 'tenant' order by 1`,
  )
  return rows.map(({ name }) => name)
}

beforeAll(async () => {
  postgres = await startTestPostgres({ migrations })
  pool = (await postgres.freshDatabase()).pool
  store = await createPostgresStore({ pool })
  for (const tenant of [acme, blue]) await fill(store, tenant)
})

afterAll(async () => {
  await store.close()
  await postgres.stop()
})

describe('row security', () => {
  test('is on, and forced on the owner too, for every table that has a tenant', async () => {
    const { rows } = await pool.query(
      `select relname as name from pg_class where relnamespace = 'countersign'::regnamespace and relkind = 'r'
       and relrowsecurity and relforcerowsecurity order by 1`,
    )
    expect(rows.map(({ name }) => name)).toEqual(await tenantTables())
    expect(rows.length).toBeGreaterThan(8)
  })

  test('shows the tenant that was named, and of another nothing, in every table', async () => {
    for (const table of await tenantTables()) {
      const seen = await inTenants(pool, [acme], (client) =>
        client.query<{ tenant: string }>(`select distinct tenant from countersign.${table}`),
      )
      expect(seen.rows, table).toEqual([{ tenant: 'acme' }])
      const asked = await inTenants(pool, [acme], (client) =>
        client.query(`select * from countersign.${table} where tenant = 'blue'`),
      )
      expect(asked.rows, table).toEqual([])
    }
  })

  test('shows nothing to a transaction that named no tenant', async () => {
    for (const table of await tenantTables()) {
      const { rows } = await inTenants(pool, [], (client) =>
        client.query(`select * from countersign.${table}`),
      )
      expect(rows, table).toEqual([])
    }
  })

  test('takes no row of another tenant', async () => {
    const insert = inTenants(pool, [acme], (client) =>
      client.query(`insert into countersign.spent values ('blue', 'k2', 1)`),
    )
    await expect(insert).rejects.toMatchObject({ code: '42501' })
    const move = inTenants(pool, [acme], (client) =>
      client.query(`update countersign.sessions set tenant = 'blue'`),
    )
    await expect(move).rejects.toMatchObject({ code: '42501' })
    const erase = await inTenants(pool, [acme], (client) =>
      client.query(`delete from countersign.audit_openings where tenant = 'blue'`),
    )
    expect(erase.rowCount).toBe(0)
  })

  test('does not outlive its transaction on the connection', async () => {
    const one = openPool(pool.options, { applicationName: 'one', max: 1 })
    await inTenants(one, [acme], async () => {})
    const { rows } = await one.query(`select current_user = session_user as own,
      coalesce(current_setting('countersign.tenant', true), '') as tenant`)
    expect(rows).toEqual([{ own: true, tenant: '' }])
    await one.end()
  })

  test('can not be widened by the name of a tenant', () => {
    expect(() => inTenants(pool, ['acme,blue' as TenantName], async () => {})).toThrow('not named like one')
  })
})

describe('what the roles may do', () => {
  test('nobody may change or remove a leaf, nor write as the system', async () => {
    const denied = { code: '42501' }
    for (const sql of [
      `update countersign.audit_events set leaf = '{}'`,
      'delete from countersign.audit_events',
      'truncate countersign.audit_events',
      'delete from countersign.audit_trees',
      'delete from countersign.objects',
      'delete from countersign.recorders',
      'alter table countersign.audit_events disable row level security',
    ]) {
      const app = inTenants(pool, [acme], (client) => client.query(sql))
      await expect(app, sql).rejects.toMatchObject(denied)
      const system = acrossTenants(pool, (client) => client.query(sql))
      await expect(system, sql).rejects.toMatchObject(denied)
    }
    for (const sql of [
      `insert into countersign.objects values ('acme', 'fact', 'x', '{}', 1)`,
      `update countersign.leases set state = 'ended'`,
      'update countersign.revision set revision = 9',
      'select value from countersign.audit_openings',
    ]) {
      const system = acrossTenants(pool, (client) => client.query(sql))
      await expect(system, sql).rejects.toMatchObject(denied)
    }
  })

  test('a lease does not come back, whoever writes', async () => {
    const set = (state: string) =>
      pool.query(`update countersign.leases set state = $1 where tenant = 'acme'`, [state])
    await set('active')
    await expect(set('pending')).rejects.toMatchObject({ code: '23514' })
    await set('ended')
    await expect(set('active')).rejects.toMatchObject({ code: '23514' })
  })
})

test('a login without power can make the roles and own the database, and the store works the same', async () => {
  const bare = await startTestPostgres()
  const fresh = await bare.freshDatabase()
  await fresh.pool.query('create role plain_owner login nosuperuser createrole')
  await fresh.pool.query(`grant create on database ${fresh.name} to plain_owner`)
  const plain = fresh.poolAs('plain_owner')
  await migrate(plain, migrations)
  const own = await createPostgresStore({ pool: plain })
  await fill(own, acme)
  expect(await leavesOf(own, acme)).toHaveLength(1)
  expect(await own.changes(revision(0))).toHaveLength(1)
  // As itself it owns the tables, has not taken a role, and sees nothing in them.
  expect((await plain.query('select * from countersign.audit_events')).rows).toEqual([])
  await own.close()
  await bare.stop()
})

test('roles that bypass row security stop the migration', async () => {
  const bare = await startTestPostgres()
  const fresh = await bare.freshDatabase()
  await fresh.pool.query('create role countersign_app bypassrls')
  await expect(migrate(fresh.pool, migrations)).rejects.toThrow('must not bypass row security')
  await bare.stop()
})
