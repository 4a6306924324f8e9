import { Client, escapeIdentifier } from 'pg'
import { type Acquired, acquireServer } from './acquire.ts'
import { SUPERUSER } from './cluster.ts'
import { errorCode } from './folders.ts'
import type { EmbeddedOptions } from './options.ts'
import { makePlan, type Plan } from './plan.ts'
import { stopServer } from './postmaster.ts'
import { type SocketConnection, socketConnection, supervise } from './supervision.ts'

/** A running PostgreSQL of which this process is the one supervisor. */
export type EmbeddedPostgres = {
  /** As superuser, over the socket, to the database `postgres`. */
  readonly connection: SocketConnection
  readonly dataDir: string
  readonly socketDir: string
  /** Names the socket file; the TCP port too, if there is one. */
  readonly port: number
  readonly tcpPort?: number
  /** Process id of the postmaster. */
  readonly pid: number
  /** The account of this machine that the server runs as. */
  readonly account: string
  readonly version: string
  /** The server was left running by a process that was killed. */
  readonly takenOver: boolean
  /** `stopped` after `stop()`; `lost` if the server, or our hold on it, went away by itself. Never rejects. */
  readonly ended: Promise<'stopped' | 'lost'>
  /** Any database role may be used over the socket by this process's account, without a password. */
  connectionTo(database: string, role?: string): SocketConnection
  /** Creates the database if it is missing. */
  createDatabase(name: string): Promise<SocketConnection>
  /** Fast shutdown; done when the server is gone. May be called twice. */
  stop(): Promise<void>
}

const DUPLICATE_DATABASE = '42P04'
/** What two `CREATE DATABASE` of one name at once can end in: a unique index refuses the second. */
const UNIQUE_VIOLATION = '23505'

async function createDatabase(admin: SocketConnection, name: string): Promise<void> {
  const client = new Client({ ...admin, application_name: 'countersign create database' })
  await client.connect()
  try {
    await client.query(`create database ${escapeIdentifier(name)}`)
  } catch (error) {
    const code = errorCode(error)
    if (code !== DUPLICATE_DATABASE && code !== UNIQUE_VIOLATION) throw error
  } finally {
    await client.end()
  }
}

/** Stops the server, unless our hold on it was lost and another process supervises it by now. */
async function stopOurs(dataDir: string, { file, supervision }: Acquired, lost: boolean): Promise<void> {
  const attempt = lost ? await supervise(file.socketDir, file.port) : undefined
  if (attempt?.state === 'held') return
  // The session holds the supervisor's lock until the server itself ends it.
  await stopServer(dataDir, file.pid)
  const session = attempt?.state === 'ours' ? attempt.supervision.session : supervision.session
  await session.end().catch(() => {})
}

function describe(plan: Plan, acquired: Acquired): EmbeddedPostgres {
  const { file, supervision, takenOver } = acquired
  const { dataDir, options, server } = plan
  const { promise: ended, resolve: end } = Promise.withResolvers<'stopped' | 'lost'>()
  let stopping: Promise<void> | undefined
  let lost = false
  supervision.session.once('end', () => {
    lost = stopping === undefined
    end(lost ? 'lost' : 'stopped')
  })
  const connectionTo = (database: string, role: string = SUPERUSER) =>
    socketConnection(file.socketDir, file.port, database, role)
  const connection = connectionTo('postgres')
  return {
    connection,
    dataDir,
    socketDir: file.socketDir,
    port: file.port,
    ...(options.tcp ? { tcpPort: file.port } : {}),
    pid: file.pid,
    account: server.name,
    version: supervision.version,
    takenOver,
    ended,
    connectionTo,
    async createDatabase(name) {
      await createDatabase(connection, name)
      return connectionTo(name)
    },
    stop() {
      stopping ??= stopOurs(dataDir, acquired, lost)
      return stopping
    },
  }
}

/**
 * Starts PostgreSQL from the installed package, or takes over the one that a killed process left running in
 * `dataDir`. It runs as an unprivileged account if we are root, listens on a unix socket in a 0700 folder, and knows
 * us by our account, so there is no password. It outlives a kill -9 of this process (the next start finds it), and
 * nothing else: call `stop()`. The open session keeps the event loop alive until then.
 *
 * Throws `Unavailable` with one of the reasons `store.embedded_*` in `docs/errors.md`.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  options.signal?.throwIfAborted()
  const plan = await makePlan(options)
  return describe(plan, await acquireServer(plan))
}
