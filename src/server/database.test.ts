import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { isAlive } from '../../test/support/server-process.ts'
import type { TenantName } from '../core/ids.ts'
import { draftOf, factOf } from '../stores/contract-drafts.ts'
import { readPidFile } from '../stores/postgres/embedded/postmaster-pid.ts'
import { createPostgresStore } from '../stores/postgres/store/create.ts'
import { startTestPostgres, type TestPostgres } from '../stores/postgres/testing.ts'
import { type Database, openDatabase } from './database.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cs-database-'))
  await chmod(folder, 0o711)
})
afterAll(() => rm(folder, { recursive: true }))

const ACME = 'acme' as TenantName

/** Writes something, and reads it again. */
async function worksOn({ pool }: Database): Promise<void> {
  const store = await createPostgresStore({ pool })
  const before = await store.head()
  const written = await store.commit({ events: [draftOf(ACME)], changes: [factOf(ACME, 'a', `${before}`)] })
  expect(written).toMatchObject({ done: true })
  expect(await store.head()).toBeGreaterThan(before)
  expect((await store.audit({ tenant: ACME, limit: 1 })).length).toBe(1)
  await store.close()
}

describe('the embedded database', () => {
  const faults: unknown[] = []
  const open = (signal?: AbortSignal) =>
    openDatabase(join(folder, 'state'), undefined, (fault) => faults.push(fault), signal)
  const pidOf = async () => (await readPidFile(join(folder, 'postgres', 'cluster')))?.pid ?? 0

  it('starts beside the folder, stops with it without a fault, and has everything the next time', async () => {
    const database = await open()
    expect(database.kind).toBe('embedded')
    await worksOn(database)
    // Many connections, so that some are still ending when the server is told to.
    await Promise.all(Array.from({ length: 8 }, () => database.pool.query('select pg_sleep(0.05)')))
    const pid = await pidOf()
    await database.close()
    expect([isAlive(pid), faults]).toEqual([false, []])
    expect((await stat(join(folder, 'postgres'))).mode & 0o777).toBe(0o711)
    const again = await open()
    expect((await again.pool.query('select from countersign.objects')).rowCount).toBeGreaterThan(0)
    await again.close()
    expect(faults).toEqual([])
  })

  it('is started again when it ends by itself, in the same place', async () => {
    const database = await open()
    const pid = await pidOf()
    process.kill(pid, 'SIGKILL')
    await vi.waitFor(() => worksOn(database), { timeout: 15_000, interval: 200 })
    expect(await pidOf()).not.toBe(pid)
    expect(faults).toContainEqual(expect.objectContaining({ reason: 'store.embedded_lost' }))
    faults.length = 0
    const next = await pidOf()
    await database.close()
    expect([isAlive(next), faults]).toEqual([false, []])
  })

  it('is not left behind by a start that is stopped half-way', async () => {
    const stop = new AbortController()
    const opening = open(stop.signal)
    setTimeout(() => stop.abort(), 60)
    await expect(
      opening.then((database) => database.close().then(() => stop.signal.throwIfAborted())),
    ).rejects.toThrow()
    await vi.waitFor(async () => expect(isAlive(await pidOf())).toBe(false))
  })
})

describe('a database that is named', () => {
  let postgres: TestPostgres
  beforeAll(async () => {
    postgres = await startTestPostgres({ tcp: true })
  })
  afterAll(() => postgres.stop())

  const urlOf = (role: string, database: string) =>
    `postgres://${role}:secret@127.0.0.1:${postgres.server.tcpPort}/${database}`
  const open = (url: string) => openDatabase(join(folder, 'other'), url, () => {})

  it('needs no superuser: its owner is enough, if it may make roles', async () => {
    const { pool, name } = await postgres.freshDatabase()
    await pool.query(`create role maker login createrole password 'secret'`)
    await pool.query(`alter database ${name} owner to maker`)
    const database = await open(urlOf('maker', name))
    await worksOn(database)
    await database.close()
  })

  it('is used as it is, and left running', async () => {
    const { address, name, pool } = await postgres.freshDatabase()
    const url = `postgres://${address.user}@${encodeURIComponent(String(address.host))}:${address.port}/${name}`
    const database = await open(url)
    expect(database.kind).toBe('external')
    await worksOn(database)
    await database.close()
    expect((await pool.query('select 1')).rowCount).toBe(1)
    await expect(stat(join(folder, 'other'))).rejects.toThrow()
  })

  it('needs no right to make roles either, if they were made and granted before', async () => {
    const { pool, name } = await postgres.freshDatabase()
    await pool.query(`create role owner_only login password 'secret'`)
    await pool.query(`alter database ${name} owner to owner_only`)
    await expect(open(urlOf('owner_only', name))).rejects.toMatchObject({ reason: 'store.role' })
    for (const role of ['countersign_app', 'countersign_system'])
      await pool.query(`grant ${role} to owner_only with inherit false, set true`)
    const database = await open(urlOf('owner_only', name))
    await worksOn(database)
    await database.close()
  })

  it('that can not be reached or read stops the start with its reason, and without its password', async () => {
    const wrong = [
      ['postgres://ann:hidden@127.0.0.1:1/x', 'store.unreachable'],
      [`postgres://ann:hidden@127.0.0.1:${postgres.server.tcpPort}/x`, '28P01'],
      ['postgres://ann:hidden@db.example/x', 'config.database_url_tls'],
    ] as const
    for (const [url, reason] of wrong) {
      const error: unknown = await open(url).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      const { reason: own, code } = error as { reason?: string; code?: string }
      expect([own ?? code, String(error)]).toEqual([reason, expect.not.stringContaining('hidden')])
    }
  })
})
