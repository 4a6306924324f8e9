import { chmod, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Pool } from 'pg'
import { Unavailable } from '../core/refusal.ts'
import { openPool } from '../stores/postgres/connect.ts'
import { type DatabaseAddress, readDatabaseUrl } from '../stores/postgres/database-url.ts'
import { startEmbeddedPostgres } from '../stores/postgres/embedded/start.ts'
import { migrate } from '../stores/postgres/migrate.ts'

export type Database = {
  readonly pool: Pool
  readonly kind: 'embedded' | 'external'
  readonly close: () => Promise<void>
}

const MIGRATIONS = fileURLToPath(new URL('../stores/postgres/migrations', import.meta.url))

/** The database of an authority: the one that is named, or a PostgreSQL of our own under `<folder>/../postgres`. */
export async function openDatabase(
  folder: string,
  url: string | undefined,
  onIdleError: (error: Error) => void,
): Promise<Database> {
  const limits = { applicationName: 'countersign', max: 8, onIdleError }
  if (url !== undefined) {
    const address = readDatabaseUrl(url)
    if (!address.ok) throw new Unavailable(address.error.reason, address.error.says)
    return ready(openPool(address.value, limits), 'external', async () => {})
  }
  const server = await startEmbeddedPostgres({ dataDir: await dataFolder(folder) })
  try {
    const address = await ownDatabase(server)
    return await ready(openPool(address, limits), 'embedded', () => server.stop())
  } catch (error) {
    await server.stop()
    throw error
  }
}

type Embedded = Awaited<ReturnType<typeof startEmbeddedPostgres>>

async function ownDatabase(server: Embedded): Promise<DatabaseAddress> {
  const pool = openPool(server.connection, { applicationName: 'countersign', max: 1 })
  const { rowCount } = await pool.query("SELECT 1 FROM pg_database WHERE datname = 'countersign'")
  await pool.end()
  return rowCount ? server.connectionTo('countersign') : server.createDatabase('countersign')
}

/** Beside the 0700 folder of keys and socket, not in it: as root, the database runs as another user, who must reach its data. */
async function dataFolder(folder: string): Promise<string> {
  const beside = join(dirname(folder), 'postgres')
  await mkdir(beside, { recursive: true })
  await chmod(beside, 0o711)
  return join(beside, 'cluster')
}

async function ready(pool: Pool, kind: Database['kind'], stop: () => Promise<void>): Promise<Database> {
  const close = async () => {
    await pool.end()
    await stop()
  }
  try {
    await migrate(pool, MIGRATIONS)
  } catch (error) {
    await pool.end()
    throw error
  }
  return { pool, kind, close }
}
