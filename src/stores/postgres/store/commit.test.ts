import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TenantName } from '../../../core/ids.ts'
import { revision } from '../../../core/ids.ts'
import { link } from '../../../core/lifecycle/revocation.ts'
import type { Store, Write } from '../../../core/ports.ts'
import { draftOf, factOf, LATER, leaseOf, leavesOf, rootOf, sessionOf } from '../../contract-drafts.ts'
import { openPool } from '../connect.ts'
import { type FreshDatabase, startTestPostgres, type TestPostgres } from '../testing.ts'
import { intoTransactions } from './commit.ts'
import { createPostgresStore } from './create.ts'

const acme = 'acme' as TenantName

let postgres: TestPostgres
let database: FreshDatabase
beforeAll(async () => {
  postgres = await startTestPostgres({ migrations: new URL('../migrations', import.meta.url) })
  database = await postgres.freshDatabase()
})
afterAll(() => postgres.stop())

async function transactions(): Promise<bigint> {
  const { rows } = await database.pool.query<{ id: bigint }>(
    'select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as id',
  )
  return rows[0]?.id ?? 0n
}

test('writes that come together share a transaction', async () => {
  const store = await createPostgresStore({ pool: database.pool })
  await store.commit({ events: [draftOf(acme)] })
  const before = await transactions()
  await Promise.all(
    Array.from({ length: 300 }, (_, at) =>
      store.commit({
        events: [draftOf(acme)],
        changes: [factOf(acme, `f${at % 7}`, String(at))],
        spend: { tenant: acme, key: `k${at}`, expires: LATER },
        session: sessionOf(acme, `s${at % 9}`),
        lease: { open: leaseOf(acme, `l${at}`) },
      }),
    ),
  )
  expect(await transactions()).toBe(before + 1n)
  await store.close()
})

test('a write that may have to be undone stands alone, and the order of all stays', () => {
  const write = (more: Partial<Write>) => ({ write: { events: [], ...more }, events: [] })
  const spend = { tenant: acme, key: 'k', expires: LATER }
  const activate = { activate: { tenant: acme, id: leaseOf(acme, 'a').id, handle: 'h' } }
  const [a, b, c, d, e, f] = [
    write({}),
    write({ spend }),
    write({ ifRevision: revision(1) }),
    write({ lease: activate }),
    write({ lease: activate, spend }),
    write({}),
  ]
  expect(intoTransactions([a, b, c, d, e, f])).toEqual([[a, b], [c], [d], [e], [f]])
  expect(intoTransactions([])).toEqual([])
})

test('revisions of one batch go up in the order of the writes, and one without changes knows those before it', async () => {
  const store = await createPostgresStore({ pool: database.pool })
  const start = await store.head()
  const change = () => store.commit({ events: [], changes: [factOf(acme, 'same', 'x')] })
  const plain = () => store.commit({ events: [] })
  const all = await Promise.all([plain(), change(), plain(), change(), change(), plain()])
  expect(all.map((written) => (written.done ? written.revision - start : 'no'))).toEqual([0, 1, 1, 2, 3, 3])
  expect((await store.changes(start)).map((each) => each.revision - start)).toEqual([3])
  await store.close()
})

/** PostgreSQL resolves a deadlock by failing one of both, so it costs a second and would show only here. */
async function deadlocks(): Promise<bigint | undefined> {
  const { rows } = await database.pool.query<{ deadlocks: bigint }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  )
  return rows[0]?.deadlocks
}

/** All kinds of writes on the same few rows, so that transactions of two authorities meet everywhere. */
function anyWrite(at: number): Write {
  const tenants = ['red', 'green', 'cyan'].map((name) => name as TenantName)
  const [first = acme, second = acme] = [tenants[at % 3], tenants[(at * 7 + 1) % 3]]
  const { id } = leaseOf(first, `l${at % 4}`)
  const steps = [{ activate: { tenant: first, id, handle: 'h' } }, { end: { tenant: first, id } }] as const
  return {
    events: [draftOf(second), draftOf(first)],
    ...(at % 2 ? { changes: [factOf(second, `f${at % 3}`, 'x'), factOf(first, 'g', 'y')] } : {}),
    ...(at % 3 ? { spend: { tenant: second, key: `k${at % 11}`, expires: LATER } } : {}),
    ...(at % 5 ? { session: sessionOf(first, `s${at % 4}`, { links: [link('key', 'k')] }) } : {}),
    ...(at % 7 ? { lease: steps[at % 2] ?? steps[0] } : {}),
  }
}

test('two authorities that write the same rows in every order never stand in each other’s way for good', async () => {
  const other = openPool(database.address, { applicationName: 'two' })
  const [one, two] = [
    await createPostgresStore({ pool: database.pool, maxBatch: 7 }),
    await createPostgresStore({ pool: other, maxBatch: 5 }),
  ]
  for (const tenant of ['red', 'green', 'cyan'] as TenantName[]) {
    for (const name of ['l0', 'l1', 'l2', 'l3'])
      await one.commit({ events: [], lease: { open: leaseOf(tenant, name) } })
  }
  const hammer = (store: Store, from: number) =>
    Promise.all(Array.from({ length: 400 }, (_, at) => store.commit(anyWrite(at * 13 + from))))
  const written = (await Promise.all([hammer(one, 0), hammer(two, 5)])).flat()
  const done = written.filter((each) => each.done).length
  expect(done).toBeGreaterThan(20)
  const logs = await Promise.all(
    (['red', 'green', 'cyan'] as TenantName[]).map((each) => leavesOf(two, each)),
  )
  expect(logs.flat()).toHaveLength(2 * done)
  expect((await one.tree('red' as TenantName)).root).toBe(rootOf(logs[0] ?? []))
  await Promise.all([one.close(), two.close()])
  await other.end()
  expect(await deadlocks()).toBe(0n)
})

const tenantOf = (key: string) => `o${key.replaceAll(' ', '-')}` as TenantName
const KINDS: Readonly<Record<string, (key: string) => Partial<Write>>> = {
  keys: (key) => ({ spend: { tenant: acme, key, expires: LATER } }),
  sessions: (key) => ({ session: sessionOf(acme, key) }),
  leases: (key) => ({ lease: { end: { tenant: acme, id: leaseOf(acme, key).id } } }),
  logs: (key) => ({ events: [draftOf(tenantOf(key))] }),
}

test.each(Object.entries(KINDS))(
  'two authorities that write the same %s in opposite orders never wait for each other',
  async (kind, make) => {
    const other = openPool(database.address, { applicationName: 'two' })
    const [one, two] = [
      await createPostgresStore({ pool: database.pool }),
      await createPostgresStore({ pool: other }),
    ]
    const all = (store: Store, writes: readonly Partial<Write>[]) =>
      Promise.all(writes.map((write) => store.commit({ events: [], ...write })))
    for (let round = 0; round < 6; round++) {
      const keys = Array.from({ length: 300 }, (_, at) => `${round} ${at}`)
      if (kind === 'leases')
        await all(
          one,
          keys.map((key) => ({ lease: { open: leaseOf(acme, key) } })),
        )
      const writes = keys.map(make)
      const written = await Promise.all([all(one, writes), all(two, writes.toReversed())])
      expect(written.flat().filter((each) => each.done)).toHaveLength(kind === 'keys' ? 300 : 600)
    }
    await Promise.all([one.close(), two.close()])
    await other.end()
    expect(await deadlocks()).toBe(0n)
  },
)

test('a lease that ends while it is being activated is over', async () => {
  const store = await createPostgresStore({ pool: database.pool })
  const { id } = leaseOf(acme, 'torn')
  await store.commit({ events: [], lease: { open: leaseOf(acme, 'torn') } })
  const ending = await database.pool.connect()
  await ending.query('begin')
  await ending.query(`update countersign.leases set state = 'ended' where id = $1`, [id])
  const activated = store.commit({ events: [], lease: { activate: { tenant: acme, id, handle: 'h' } } })
  // Asked outside that transaction, which would see the same activity each time.
  const waiting = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
  await expect.poll(async () => (await database.pool.query(waiting)).rowCount).toBe(1)
  await ending.query('commit')
  ending.release()
  expect(await activated).toEqual({ done: false, why: 'ended' })
  await store.close()
})

test('each start is a recorder of its own, numbered from one, whose end is noted', async () => {
  const { pool } = await postgres.freshDatabase()
  const [first, second] = [await createPostgresStore({ pool }), await createPostgresStore({ pool })]
  await first.commit({ events: [draftOf(acme), draftOf(acme)] })
  await second.commit({ events: [draftOf(acme)] })
  await first.close()
  const { rows } = await pool.query(
    'select recorder, kind, next_n, ended is not null as ended from countersign.recorders order by started, next_n desc',
  )
  expect(rows).toEqual([
    { recorder: first.recorder, kind: 'authority', next_n: 3n, ended: true },
    { recorder: second.recorder, kind: 'authority', next_n: 2n, ended: false },
  ])
  expect((await leavesOf(second, acme)).map(({ event }) => event.n)).toEqual([1, 2, 1])
  await second.close()
})

test('a draft that can not be recorded fails before it joins others', async () => {
  const store = await createPostgresStore({ pool: database.pool })
  const all = await Promise.allSettled([
    store.commit({ events: [draftOf(acme, { password: 'x' } as never)] }),
    store.commit({ events: [draftOf(acme, { policies: ['x'.repeat(40_000)] })] }),
    store.commit({ events: [draftOf(acme)] }),
  ])
  expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
  await store.close()
})
