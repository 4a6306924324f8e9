import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test, vi } from 'vitest'
import { startTestPostgres } from './testing.ts'

test('fresh databases are migrated, apart from each other, and gone afterwards', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-migrations-'))
  await writeFile(join(folder, '0001_words.sql'), 'create table word (text text)')
  const postgres = await startTestPostgres({ migrations: folder, tcp: true })
  try {
    const [a, b] = await Promise.all([postgres.freshDatabase(), postgres.freshDatabase()])
    await a.pool.query(`insert into word values ('only in a')`)
    expect((await a.pool.query('select * from word')).rowCount).toBe(1)
    expect((await b.pool.query('select * from word')).rowCount).toBe(0)
    await a.pool.query('create role reader login')
    expect((await a.poolAs('reader').query('select current_user as who')).rows).toEqual([{ who: 'reader' }])
    expect(postgres.server.tcpPort).toBeGreaterThan(0)
  } finally {
    await postgres.stop()
    await rm(folder, { recursive: true })
  }
  expect(existsSync(dirname(postgres.server.dataDir))).toBe(false)
})

test('a test run that is killed leaves no server and no folder behind', async () => {
  const script = `import { startTestPostgres } from ${JSON.stringify(new URL('./testing.ts', import.meta.url).href)}
    console.log((await startTestPostgres()).server.dataDir)`
  const run = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [dataDir] = (await once(createInterface({ input: run.stdout }), 'line')) as [string]
  expect(existsSync(dataDir)).toBe(true)
  run.kill('SIGKILL')
  await vi.waitFor(() => expect(existsSync(dirname(dataDir))).toBe(false), { timeout: 10_000 })
})
