import type { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { TenantName } from '../../../core/ids.ts'
import { factOf } from '../../contract-drafts.ts'
import { startTestPostgres, type TestPostgres } from '../testing.ts'
import { createPostgresStore, type PostgresStore } from './create.ts'

const acme = 'acme' as TenantName
const QUIET = 60_000

let postgres: TestPostgres
let pool: Pool
beforeAll(async () => {
  postgres = await startTestPostgres({ migrations: new URL('../migrations', import.meta.url) })
})
beforeEach(async () => {
  pool = (await postgres.freshDatabase()).pool
})
afterAll(() => postgres.stop())

async function listening(pollMs: number) {
  const store = await createPostgresStore({ pool, pollMs })
  let heard = 0
  const stop = await store.onCommit(() => {
    heard += 1
  })
  return { store, stop, heard: () => heard }
}

function change(store: PostgresStore) {
  return store.commit({ events: [], changes: [factOf(acme, 'a', '1')] })
}

async function cutListeners(): Promise<number> {
  const { rows } = await pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%' or query ilike '%from countersign.revision'
     and pid <> pg_backend_pid() and datname = current_database()`,
  )
  return rows.length
}

test('a commit is heard at once, without waiting for the next look', async () => {
  const { store, heard } = await listening(QUIET)
  await change(store)
  await expect.poll(heard, { timeout: 1_000 }).toBe(1)
  await store.close()
})

test('a commit that notified nobody is found at the next look', async () => {
  const { store, heard } = await listening(30)
  await pool.query('update countersign.revision set revision = revision + 1')
  await expect.poll(heard, { timeout: 2_000 }).toBe(1)
  await store.close()
})

test('a cut connection is opened again, and what was committed meanwhile is heard', async () => {
  const { store, heard } = await listening(50)
  expect(await cutListeners()).toBe(1)
  await pool.query('update countersign.revision set revision = revision + 1')
  await expect.poll(heard, { timeout: 3_000 }).toBe(1)
  await change(store)
  await expect.poll(heard, { timeout: 3_000 }).toBeGreaterThanOrEqual(2)
  await store.close()
})

test('each listener is told, and one that was stopped is not', async () => {
  const { store, stop, heard } = await listening(QUIET)
  let other = 0
  const count = () => {
    other += 1
  }
  const stops = [await store.onCommit(count), await store.onCommit(count)]
  await stop()
  await change(store)
  await expect.poll(() => other, { timeout: 1_000 }).toBe(2)
  expect(heard()).toBe(0)
  await Promise.all(stops.map((each) => each()))
  await store.close()
})

test('listening leaves no connection behind', async () => {
  const { store, stop } = await listening(20)
  await stop()
  const again = await store.onCommit(() => {})
  await store.close()
  await again()
  await expect.poll(cutListeners).toBe(0)
})
