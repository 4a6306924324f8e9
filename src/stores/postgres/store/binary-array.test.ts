import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestPostgres, type TestPostgres } from '../testing.ts'
import { bigints, hashes, texts } from './binary-array.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterAll(() => postgres.stop())

const TEXTS = ['', 'plain', undefined, 'NULL', '"{a,b}"', 'é', '💶\\', '\u2028', 'x'.repeat(9_000)]
const NUMBERS = [
  0,
  1,
  -1,
  2 ** 31,
  2 ** 32,
  2 ** 32 + 5,
  -(2 ** 33) - 7,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
]

test('columns come out of PostgreSQL as they went in', async () => {
  const { pool } = await postgres.freshDatabase()
  const read = async (type: string, column: Buffer) => {
    const { rows } = await pool.query<{ value: unknown }>(
      `select value from unnest($1::${type}[]) as of (value)`,
      [column],
    )
    return rows.map(({ value }) => value)
  }
  expect(await read('text', texts(TEXTS))).toEqual(TEXTS.map((each) => each ?? null))
  expect(await read('bigint', bigints(NUMBERS))).toEqual(NUMBERS.map(BigInt))
  const bytes = Array.from({ length: 3 }, (_, at) => Buffer.alloc(32, at * 113))
  expect(await read('bytea', hashes(bytes.map((each) => each.toString('base64'))))).toEqual(bytes)
  for (const [type, none] of [
    ['text', texts([])],
    ['bigint', bigints([])],
    ['bytea', hashes([])],
  ] as const)
    expect(await read(type, none)).toEqual([])
})
