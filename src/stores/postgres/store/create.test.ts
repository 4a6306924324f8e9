import type { Pool } from 'pg'
import { afterAll, beforeAll } from 'vitest'
import type { TenantName } from '../../../core/ids.ts'
import { storeContract } from '../../contract.ts'
import { openPool } from '../connect.ts'
import { type FreshDatabase, startTestPostgres, type TestPostgres } from '../testing.ts'
import { createPostgresStore, type PostgresStore } from './create.ts'

let postgres: TestPostgres
let database: FreshDatabase
let one: PostgresStore
let two: PostgresStore
let other: Pool
let tenants = 0

beforeAll(async () => {
  postgres = await startTestPostgres({ migrations: new URL('../migrations', import.meta.url) })
  database = await postgres.freshDatabase()
  other = openPool(database.address, { applicationName: 'two', max: 5 })
  one = await createPostgresStore({ pool: database.pool })
  two = await createPostgresStore({ pool: other })
})
afterAll(async () => {
  await Promise.all([one.close(), two.close()])
  await other.end()
  await postgres.stop()
})

storeContract('PostgreSQL', async () => {
  tenants += 1
  return { one, two, tenant: `t${tenants}` as TenantName }
})
