import { chmod, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Pool } from 'pg'
import { Unavailable } from '../core/refusal.ts'
import { openPool, withTransaction } from '../stores/postgres/connect.ts'
import { type DatabaseAddress, readDatabaseUrl } from '../stores/postgres/database-url.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../stores/postgres/embedded/start.ts'
import { migrate } from '../stores/postgres/migrate.ts'

/** A migrated database. `close` ends the pool, and the server when it is our own. */
export type Database = {
  readonly pool: Pool
  readonly kind: 'embedded' | 'external'
  readonly close: () => Promise<void>
}

const MIGRATIONS = fileURLToPath(new URL('../stores/postgres/migrations', import.meta.url))

/**
 * The database of an authority: the one that is named, or a PostgreSQL of our own under `<folder>/../postgres`, which is started again
 * when it ends by itself. `report` is told of connections that broke while nobody used them. Throws `Unavailable` with `config.*` or
 * `store.*`; what `signal` gives when it ends the start.
 */
export async function openDatabase(
  folder: string,
  url: string | undefined,
  report: (error: unknown) => void,
  signal: AbortSignal = new AbortController().signal,
): Promise<Database> {
  if (url !== undefined) {
    const address = readDatabaseUrl(url)
    if (!address.ok) throw new Unavailable(address.error.reason, address.error.says)
    return ready(address.value, 'external', report, async () => {})
  }
  const options = { dataDir: await dataFolder(folder) }
  const server = await startEmbeddedPostgres({ ...options, signal })
  const stop = keepRunning(server, () => startEmbeddedPostgres(options), report)
  try {
    return await ready(await server.createDatabase('countersign'), 'embedded', report, stop)
  } catch (error) {
    await stop()
    throw error
  }
}

const AGAIN_MS = 1000

/** Starts the server again whenever it is lost, until the returned function stops it. Its socket stays the same, so pools find it. */
function keepRunning(
  first: EmbeddedPostgres,
  start: () => Promise<EmbeddedPostgres>,
  report: (error: unknown) => void,
): () => Promise<void> {
  const stopping = new AbortController()
  let server: EmbeddedPostgres | undefined = first
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      if (server && (await server.ended) === 'stopped') return
      if (server) report(new Unavailable('store.embedded_lost', 'the embedded PostgreSQL ended by itself'))
      server = await start().catch((error: unknown) => void report(error))
      if (!server) await wait(AGAIN_MS, undefined, { signal: stopping.signal }).catch(() => {})
    }
    await server?.stop()
  }
  const running = run()
  return async () => {
    stopping.abort()
    await server?.stop()
    await running
  }
}

/** Beside the 0700 folder of keys and socket, not in it: as root, the database runs as another user, who must reach its data. */
async function dataFolder(folder: string): Promise<string> {
  const beside = join(dirname(folder), 'postgres')
  const made = await mkdir(beside, { recursive: true })
  // One that was there before may be somebody else's: its rights are not ours to change.
  if (made !== undefined) await chmod(beside, 0o711)
  return join(beside, 'cluster')
}

/** The two roles that row security stands on (migration 1): who logs in must be able to take both, or every write would fail later. */
async function requireRoles(pool: Pool): Promise<void> {
  for (const role of ['countersign_app', 'countersign_system']) {
    await withTransaction(pool, (client) => client.query(`set local role ${role}`)).catch(
      (cause: unknown) => {
        if (!(cause instanceof Error && 'code' in cause && cause.code === '42501')) throw cause
        const says = `the database's login may not take the role ${role}; as an administrator: GRANT ${role} TO its login`
        throw new Unavailable('store.role', says, { cause })
      },
    )
  }
}

async function ready(
  address: DatabaseAddress,
  kind: Database['kind'],
  report: (error: unknown) => void,
  stop: () => Promise<void>,
): Promise<Database> {
  let closing = false
  // A connection that is being ended may hear of the server's own end first: that is no fault.
  const onIdleError = (error: Error) => {
    if (!closing) report(error)
  }
  const pool = openPool(address, { applicationName: 'countersign', max: 8, onIdleError })
  const end = async () => {
    closing = true
    await pool.end()
  }
  try {
    await migrate(pool, MIGRATIONS)
    await requireRoles(pool)
  } catch (error) {
    await end()
    throw error
  }
  const close = async () => {
    await end()
    await stop()
  }
  return { pool, kind, close }
}
