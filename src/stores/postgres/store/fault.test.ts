import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TenantName } from '../../../core/ids.ts'
import { revision } from '../../../core/ids.ts'
import { draftOf, LATER, leavesOf, sessionOf } from '../../contract-drafts.ts'
import { openPool } from '../connect.ts'
import { startTestPostgres, type TestPostgres } from '../testing.ts'
import { createPostgresStore } from './create.ts'
import { storeFault } from './fault.ts'

const migrations = new URL('../migrations', import.meta.url)
const acme = 'acme' as TenantName

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startTestPostgres({ migrations })
})
afterAll(() => postgres.stop())

test('every question to a server that is gone ends in a fault that says so', async () => {
  const doomed = await startTestPostgres({ migrations })
  const database = await doomed.freshDatabase()
  const store = await createPostgresStore({ pool: database.pool })
  await store.commit({ events: [draftOf(acme)] })
  await doomed.server.stop()
  const gone = { fault: 'unavailable', reason: 'store.unreachable' }
  const questions = [
    () => store.commit({ events: [draftOf(acme)] }),
    () => store.head(),
    () => store.changes(revision(0)),
    () => store.bindEvidence(acme, 'pod', 'key', LATER),
    () => store.openLeases({}),
    () => store.sessions({ tenant: acme, link: 'key:k' }),
    () => store.takeJournal('rec_x' as never, 'gate', [acme], []),
    () => store.audit({ tenant: acme, limit: 1 }),
    () => leavesOf(store, acme),
    () => store.tree(acme),
    () => store.saveCheckpoint(acme, 1, 'note'),
    () => store.latestCheckpoint(acme),
    () => store.eraseOpenings(acme, 'ann'),
    () => createPostgresStore({ pool: database.pool }),
    () => store.close(),
  ]
  for (const ask of questions) await expect(ask(), String(ask)).rejects.toMatchObject(gone)
  await doomed.stop()
})

test('a commit whose connection is cut is a fault, and the next one goes on without a gap in the numbers', async () => {
  const { pool, address } = await postgres.freshDatabase()
  const other = openPool(address, { applicationName: 'holder' })
  const store = await createPostgresStore({ pool })
  await store.commit({ events: [draftOf(acme)] })
  const holder = await other.connect()
  await holder.query('begin')
  await holder.query('lock table countersign.audit_trees in access exclusive mode')
  const cut = expect(store.commit({ events: [draftOf(acme)] })).rejects.toMatchObject({
    reason: 'store.unreachable',
  })
  await expect
    .poll(async () => {
      const { rows } = await pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      )
      return rows.length
    })
    .toBe(1)
  await cut
  await holder.query('rollback')
  holder.release()
  await store.commit({ events: [draftOf(acme)] })
  expect((await leavesOf(store, acme)).map(({ event }) => event.n)).toEqual([1, 2])
  await store.close()
  await other.end()
})

test('a database that takes too long is a fault, for each write of the batch, and none is tried again', async () => {
  const { pool, address } = await postgres.freshDatabase()
  const hasty = openPool(address, { applicationName: 'hasty', statementTimeoutMs: 80 })
  const store = await createPostgresStore({ pool: hasty })
  const holder = await pool.connect()
  await holder.query('begin')
  await holder.query('lock table countersign.sessions in access exclusive mode')
  const started = performance.now()
  const all = await Promise.allSettled(
    Array.from({ length: 20 }, (_, at) =>
      store.commit({ events: [draftOf(acme)], session: sessionOf(acme, String(at)) }),
    ),
  )
  expect(performance.now() - started).toBeLessThan(1_000)
  for (const one of all) expect(one).toMatchObject({ reason: { reason: 'store.timeout' } })
  await holder.query('rollback')
  holder.release()
  expect((await store.tree(acme)).size).toBe(0)
  await store.close()
  await hasty.end()
})

test('more writes than may wait are refused, and after the end all are', async () => {
  const { pool } = await postgres.freshDatabase()
  const store = await createPostgresStore({ pool, maxQueue: 3 })
  const all = await Promise.allSettled(
    Array.from({ length: 5 }, () => store.commit({ events: [draftOf(acme)] })),
  )
  expect(all.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'fulfilled',
    'rejected',
    'rejected',
  ])
  expect(all[4]).toMatchObject({ reason: { fault: 'unavailable', reason: 'store.queue_full' } })
  await store.close()
  await store.close()
  await expect(store.commit({ events: [] })).rejects.toMatchObject({ reason: 'store.closed' })
})

test('a database that only reads is a fault', async () => {
  const { pool, name } = await postgres.freshDatabase()
  const store = await createPostgresStore({ pool })
  await pool.query(`alter database ${name} set default_transaction_read_only = on`)
  const standby = openPool(pool.options, { applicationName: 'standby' })
  const readOnly = await createPostgresStore({ pool: standby }).catch((error: unknown) => error)
  await standby.end()
  expect(readOnly).toMatchObject({ fault: 'unavailable', reason: 'store.read_only' })
  await store.close()
})

test('a deadlock is a fault, not a bug; other refusals of the database are bugs that quote no values', () => {
  const error = (code: string) =>
    Object.assign(new Error('Key (key)=(hunter2) exists'), {
      code,
      severity: 'ERROR',
      detail: 'hunter2',
      table: 'spent',
      constraint: 'spent_pkey',
    })
  expect(storeFault(error('40P01'))).toMatchObject({ reason: 'store.conflict' })
  expect(storeFault(error('40001'))).toMatchObject({ reason: 'store.conflict' })
  const bug = storeFault(error('23505'))
  expect(bug).toMatchObject({
    fault: 'bug',
    message: 'PostgreSQL refused a statement: 23505 (spent, spent_pkey)',
  })
  expect(JSON.stringify(bug, Object.getOwnPropertyNames(bug))).not.toContain('hunter2')
})
