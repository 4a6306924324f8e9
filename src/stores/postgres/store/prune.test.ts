import type { Pool } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TenantName } from '../../../core/ids.ts'
import { epochMillis, epochSeconds, toSeconds } from '../../../core/time.ts'
import { renewalOf, sessionOf } from '../../contract-drafts.ts'
import { startTestPostgres, type TestPostgres } from '../testing.ts'
import { createPostgresStore } from './create.ts'
import { pruneExpired } from './prune.ts'

const acme = 'acme' as TenantName
const now = epochSeconds(2_000_000_000)
const at = (seconds: number) => epochSeconds(now + seconds)

let postgres: TestPostgres
let pool: Pool
beforeAll(async () => {
  postgres = await startTestPostgres({ migrations: new URL('../migrations', import.meta.url) })
  pool = (await postgres.freshDatabase()).pool
})
afterAll(() => postgres.stop())

test('what has expired for long is removed, and nothing else', async () => {
  const store = await createPostgresStore({ pool, now: () => epochMillis(now * 1_000) })
  const spend = (key: string, expires: number) => ({ tenant: acme, key, expires: at(expires) })
  for (const expires of [-4_000, -3_000, 10])
    await store.commit({ events: [], spend: spend(`k${expires}`, expires) })
  for (const expires of [-4_000, 10]) await store.bindEvidence(acme, `pod${expires}`, 'key', at(expires))
  for (const expires of [-90_000, -4_000]) {
    const started = epochMillis((now - 99_000) * 1_000)
    await store.commit({
      events: [],
      session: sessionOf(acme, `s${expires}`, { started, expires: at(expires) }),
    })
  }
  for (const expires of [-70, -50]) {
    await store.keep({ tenant: acme, kind: 'code', digest: `c${expires}`, doc: '{}', expires: at(expires) })
    await store.beginRenewal({ ...renewalOf(acme, `r${expires}`), expires: at(expires) })
  }
  expect(await pruneExpired(pool, now)).toEqual({
    spent: 1,
    evidence_bindings: 1,
    sessions: 1,
    kept: 1,
    renewals: 1,
  })
  expect(await pruneExpired(pool, now)).toEqual({
    spent: 0,
    evidence_bindings: 0,
    sessions: 0,
    kept: 0,
    renewals: 0,
  })
  // Expired, but not long ago: still spent.
  expect(await store.commit({ events: [], spend: spend('k-3000', 10) })).toEqual({
    done: false,
    why: 'spent',
  })
  expect(await store.commit({ events: [], spend: spend('k-4000', 10) })).toMatchObject({ done: true })
  await store.close()
})

test('many rows are removed, some at a time', async () => {
  await pool.query(`insert into countersign.spent select 'many', n::text, 5 from generate_series(1, 12000) n`)
  expect((await pruneExpired(pool, now)).spent).toBe(12_000)
})

test('an open store removes them by itself, and tells of what kept it from doing so', async () => {
  const faults: unknown[] = []
  const store = await createPostgresStore({ pool, pruneMs: 20, onFault: (fault) => faults.push(fault) })
  const gone = toSeconds(epochMillis(Date.now() - 9_000_000))
  await pool.query(`insert into countersign.spent values ('self', 'k', $1)`, [gone])
  const left = async () => (await pool.query(`select from countersign.spent where tenant = 'self'`)).rowCount
  await expect.poll(left).toBe(0)
  expect(faults).toEqual([])
  await pool.query('alter table countersign.spent rename to spent_away')
  await expect.poll(() => faults[0]).toMatchObject({ fault: 'bug' })
  await pool.query('alter table countersign.spent_away rename to spent')
  await store.close()
})
