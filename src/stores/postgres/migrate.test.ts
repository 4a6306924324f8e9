import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openPool } from './connect.ts'
import { migrate, readMigrations } from './migrate.ts'
import { type FreshDatabase, startTestPostgres, type TestPostgres } from './testing.ts'

let postgres: TestPostgres
let database: FreshDatabase
let folder: string

beforeAll(async () => {
  postgres = await startTestPostgres()
})

afterAll(() => postgres.stop())

beforeEach(async () => {
  database = await postgres.freshDatabase()
  folder = await mkdtemp(join(tmpdir(), 'countersign-migrations-'))
  return () => rm(folder, { recursive: true, force: true })
})

function put(file: string, sql: string): Promise<void> {
  return writeFile(join(folder, file), sql)
}

async function putThree(): Promise<void> {
  await put(
    '0001_words.sql',
    'create table word (text text primary key);\ninsert into word values ($$first$$);\n',
  )
  await put('0002_more_words.sql', 'insert into word values ($$second$$);\n')
  await put('0003_index.sql', 'create index word_length on word (length(text));\n')
}

async function count(sql: string): Promise<bigint> {
  const { rows } = await database.pool.query<{ n: bigint }>(`select count(*) as n from ${sql}`)
  return rows[0]?.n ?? -1n
}

describe('migrations', () => {
  test('are applied in order, once', async () => {
    await putThree()
    expect(await migrate(database.pool, folder)).toEqual({ applied: [1, 2, 3], version: 3 })
    expect(await migrate(database.pool, folder)).toEqual({ applied: [], version: 3 })
    expect(await count('word')).toBe(2n)
  })

  test('that are new are applied to a database that has the older ones', async () => {
    await putThree()
    await migrate(database.pool, folder)
    await put('0004_last.sql', 'insert into word values ($$third$$)')
    expect(await migrate(database.pool, folder)).toEqual({ applied: [4], version: 4 })
  })

  test('are applied once when five runners begin at the same moment', async () => {
    await putThree()
    await put('0004_slow.sql', 'select pg_sleep(0.2); insert into word values ($$slow$$);')
    const pools = [1, 2, 3, 4, 5].map((n) =>
      openPool(database.address, { applicationName: `runner ${n}`, max: 1 }),
    )
    const all = await Promise.all(pools.map((pool) => migrate(pool, folder)))
    await Promise.all(pools.map((pool) => pool.end()))
    expect(all.flatMap(({ applied }) => applied).sort()).toEqual([1, 2, 3, 4])
    expect(all.every(({ version }) => version === 4)).toBe(true)
    expect(await count('word')).toBe(3n)
    expect(await count('countersign_schema.migration')).toBe(4n)
  })

  test('may take longer than a statement may', async () => {
    await put('0001_slow.sql', 'select pg_sleep(0.3)')
    const pool = openPool(database.address, { applicationName: 'hasty', statementTimeoutMs: 100 })
    expect((await migrate(pool, folder)).applied).toEqual([1])
    await expect(pool.query('select pg_sleep(0.3)')).rejects.toMatchObject({ code: '57014' })
    await pool.end()
  })

  test('of which one fails leave those before it, nothing of it, and can go on when it is mended', async () => {
    await putThree()
    await put('0003_index.sql', 'insert into word values ($$half$$);\nselect no_such_function();')
    const run = migrate(database.pool, folder)
    await expect(run).rejects.toMatchObject({ reason: 'store.migration_failed' })
    await expect(run).rejects.toThrow(/0003_index\.sql.*no_such_function/)
    expect(await count('word')).toBe(2n)
    await put('0003_index.sql', 'insert into word values ($$whole$$)')
    expect((await migrate(database.pool, folder)).applied).toEqual([3])
  })
})

describe('what stops a run before anything changes', () => {
  test('an applied migration whose text has changed', async () => {
    await putThree()
    await migrate(database.pool, folder)
    await put('0002_more_words.sql', 'insert into word values ($$other$$);\n')
    await put('0004_last.sql', 'drop table word')
    await expect(migrate(database.pool, folder)).rejects.toMatchObject({ reason: 'store.schema_changed' })
    expect(await count('word')).toBe(2n)
  })

  test('an applied migration that has another name now', async () => {
    await putThree()
    await migrate(database.pool, folder)
    await rm(join(folder, '0002_more_words.sql'))
    await put('0002_renamed.sql', 'insert into word values ($$second$$);\n')
    await expect(migrate(database.pool, folder)).rejects.toMatchObject({ reason: 'store.schema_changed' })
  })

  test('a database that is newer than the program', async () => {
    await putThree()
    await migrate(database.pool, folder)
    await rm(join(folder, '0003_index.sql'))
    await expect(migrate(database.pool, folder)).rejects.toMatchObject({ reason: 'store.schema_newer' })
  })

  test('a gap, a number twice, or a name of another form', async () => {
    await put('0002_second.sql', '')
    await expect(readMigrations(folder)).rejects.toThrow('0002_second.sql should have the number 1')
    await put('0001_a.sql', '')
    await put('0001_b.sql', '')
    await expect(readMigrations(folder)).rejects.toThrow('0001_b.sql should have the number 2')
    await rm(join(folder, '0001_b.sql'))
    await put('3_third.sql', '')
    await expect(readMigrations(folder)).rejects.toThrow('3_third.sql is not named like 0001_name.sql')
  })
})

test('a migration that commits by itself is found out, and is not recorded', async () => {
  await put('0001_commits.sql', 'create table a (); commit; create table b ();')
  await expect(migrate(database.pool, folder)).rejects.toMatchObject({ fault: 'bug' })
  // Its own COMMIT kept the table of records, but no record.
  expect(await count('countersign_schema.migration')).toBe(0n)
})

test('line ends of Windows make no other migration', async () => {
  await put('0001_a.sql', 'select 1;\nselect 2;\n')
  const [unix] = await readMigrations(folder)
  await put('0001_a.sql', 'select 1;\r\nselect 2;\r\n')
  const [windows] = await readMigrations(folder)
  expect(windows).toEqual(unix)
})
