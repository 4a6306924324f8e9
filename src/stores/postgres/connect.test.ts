import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Unavailable } from '../../core/refusal.ts'
import { faultOf, openPool, withTransaction } from './connect.ts'
import { type FreshDatabase, startTestPostgres, type TestPostgres } from './testing.ts'

let postgres: TestPostgres
let database: FreshDatabase

beforeAll(async () => {
  postgres = await startTestPostgres()
  database = await postgres.freshDatabase()
  await database.pool.query('create table word (text text primary key)')
})

afterAll(() => postgres.stop())

async function words(): Promise<string[]> {
  const { rows } = await database.pool.query<{ text: string }>('select text from word order by text')
  return rows.map(({ text }) => text)
}

describe('a transaction', () => {
  test('is committed when its work returns', async () => {
    const value = await withTransaction(database.pool, async (client) => {
      await client.query(`insert into word values ('kept')`)
      return 7
    })
    expect(value).toBe(7)
    expect(await words()).toContain('kept')
  })

  test('is rolled back when its work throws, and the error comes through', async () => {
    const work = withTransaction(database.pool, async (client) => {
      await client.query(`insert into word values ('dropped')`)
      throw new RangeError('mine')
    })
    await expect(work).rejects.toThrow(RangeError)
    expect(await words()).not.toContain('dropped')
  })

  test('whose error was swallowed does not pass for committed', async () => {
    const work = withTransaction(database.pool, async (client) => {
      await client.query(`insert into word values ('half')`)
      await client.query('select 1/0').catch(() => {})
    })
    await expect(work).rejects.toMatchObject({ fault: 'bug' })
    expect(await words()).not.toContain('half')
  })

  test('runs as it was asked to', async () => {
    const mode = { isolation: 'serializable', readOnly: true } as const
    const shown = await withTransaction(
      database.pool,
      async (client) => (await client.query('show transaction_isolation')).rows[0],
      mode,
    )
    expect(shown).toEqual({ transaction_isolation: 'serializable' })
    const write = withTransaction(
      database.pool,
      (client) => client.query(`insert into word values ('no')`),
      mode,
    )
    await expect(write).rejects.toMatchObject({ code: '25006' })
  })

  test('gives its connection back, whatever happened', async () => {
    const pool = openPool(database.address, { applicationName: 'one', max: 1, connectTimeoutMs: 2_000 })
    for (let round = 0; round < 3; round++) {
      await withTransaction(pool, () => Promise.reject(new Error('no'))).catch(() => {})
    }
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
    await pool.end()
  })

  test('ended by the server is a fault, and the pool goes on with a new connection', async () => {
    const work = withTransaction(database.pool, async (client) => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
      await database.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid])
      await client.query('select 1')
    })
    await expect(work).rejects.toMatchObject({ fault: 'unavailable', reason: 'store.unreachable' })
    expect(
      await withTransaction(database.pool, async (client) => (await client.query('select 2 as n')).rows),
    ).toEqual([{ n: 2 }])
  })
})

describe('an error of the driver', () => {
  const withCode = (code: string) => Object.assign(new Error('said by the driver'), { code })

  test('is a fault when the database can not be used, and says nothing of where it is', () => {
    for (const code of ['ECONNREFUSED', 'ENOENT', '08006', '57P01', '53300', '53100']) {
      const fault = faultOf(withCode(code))
      expect(fault).toMatchObject({ reason: 'store.unreachable', message: "the database can't be used now" })
    }
  })

  test('stays as it is when it speaks of the statement', () => {
    for (const code of ['23505', '42601', '40001', '58030']) {
      const error = withCode(code)
      expect(faultOf(error)).toBe(error)
    }
    const ours = new Unavailable('store.other', 'ours')
    expect(faultOf(ours)).toBe(ours)
    expect(faultOf('text')).toBe('text')
  })
})

describe('limits', () => {
  test('a statement that takes too long is cancelled', async () => {
    const pool = openPool(database.address, { applicationName: 'short', statementTimeoutMs: 50 })
    const slow = withTransaction(pool, (client) => client.query('select pg_sleep(5)'))
    await expect(slow).rejects.toMatchObject({ reason: 'store.timeout' })
    await pool.end()
  })

  test('waiting for a lock ends', async () => {
    const pool = openPool(database.address, { applicationName: 'waits', lockTimeoutMs: 50 })
    await withTransaction(database.pool, async (holder) => {
      await holder.query('lock table word in access exclusive mode')
      const blocked = withTransaction(pool, (client) => client.query('select * from word'))
      await expect(blocked).rejects.toMatchObject({ reason: 'store.timeout', cause: { code: '55P03' } })
    })
    await pool.end()
  })

  test('waiting for a free connection ends', async () => {
    const pool = openPool(database.address, { applicationName: 'full', max: 1, connectTimeoutMs: 100 })
    const held = await pool.connect()
    await expect(withTransaction(pool, async () => {})).rejects.toMatchObject({ reason: 'store.unreachable' })
    held.release()
    await pool.end()
  })

  test('a server that is not there is a fault', async () => {
    const pool = openPool(
      { ...database.address, host: '/tmp/no-such-folder' },
      { applicationName: 'nowhere' },
    )
    await expect(withTransaction(pool, async () => {})).rejects.toMatchObject({ reason: 'store.unreachable' })
    await pool.end()
  })

  test('the server knows who is connected', async () => {
    const pool = openPool(database.address, { applicationName: 'countersign test' })
    expect((await pool.query('show application_name')).rows).toEqual([
      { application_name: 'countersign test' },
    ])
    await pool.end()
  })
})

describe('values', () => {
  test('whole numbers come back exact, alone, in lists and in JSON', async () => {
    const { rows } =
      await database.pool.query(`select 9007199254740993 as one, array[[1::int8, null], [-9007199254740993, 2]] as many,
      '{"big": 9007199254740993, "small": 12, "half": 0.5, "text": "9007199254740993", "exp": 1e300}'::jsonb as j,
      count(*) as count, 1.10::numeric as price from (values (1)) t`)
    expect(rows[0]).toEqual({
      one: 9_007_199_254_740_993n,
      many: [
        [1n, null],
        [-9_007_199_254_740_993n, 2n],
      ],
      j: { big: 9_007_199_254_740_993n, small: 12, half: 0.5, text: '9007199254740993', exp: 10n ** 300n },
      count: 1n,
      price: '1.10',
    })
  })

  test('the parsers of other pools stay as they are', async () => {
    const plain = new Pool(database.address)
    expect((await plain.query('select 1::int8 as n')).rows).toEqual([{ n: '1' }])
    await plain.end()
  })
})
