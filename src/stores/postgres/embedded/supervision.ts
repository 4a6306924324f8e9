import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { SUPERUSER } from './cluster.ts'
import { LAUNCH_SETTING } from './settings.ts'

/** How to reach the server over its socket. No password: the kernel says who we are. */
export type SocketConnection = {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  readonly ssl: false
}

/** The session that makes us the supervisor, and how the server was started. */
export type Supervision = { readonly session: Client; readonly launch: string; readonly version: string }

export type Attempt =
  | { readonly state: 'ours'; readonly supervision: Supervision }
  | { readonly state: 'held' }
  | { readonly state: 'unreachable'; readonly cause: unknown }

/**
 * A session-level advisory lock in the database `postgres` marks the one supervisor. The server drops it when the
 * holder's process ends in whatever way, so there is no lock file that outlives a kill -9 or names a pid in use again.
 */
const SUPERVISOR_LOCK = 4_867_293_511

/** A killed supervisor's session is noticed in milliseconds; a stopping one needs a little longer. */
const LOCK_PATIENCE_MS = 1_500

export function socketConnection(
  socketDir: string,
  port: number,
  database: string,
  role: string,
): SocketConnection {
  return { host: socketDir, port, user: role, database, ssl: false }
}

async function tryLock(session: Client): Promise<boolean> {
  const { rows } = await session.query<{ ours: boolean }>('select pg_try_advisory_lock($1) as ours', [
    SUPERVISOR_LOCK,
  ])
  return rows[0]?.ours === true
}

async function takeLock(session: Client): Promise<boolean> {
  const deadline = performance.now() + LOCK_PATIENCE_MS
  while (!(await tryLock(session))) {
    if (performance.now() > deadline) return false
    await sleep(30)
  }
  return true
}

async function describe(session: Client): Promise<{ launch: string; version: string }> {
  const { rows } = await session.query<{ launch: string | null; version: string }>(
    `select current_setting($1, true) as launch, current_setting('server_version') as version`,
    [LAUNCH_SETTING],
  )
  return { launch: rows[0]?.launch ?? '', version: rows[0]?.version ?? '' }
}

/** Becomes the supervisor of a running server, if nobody else is. */
export async function supervise(socketDir: string, port: number): Promise<Attempt> {
  const session = new Client({
    ...socketConnection(socketDir, port, 'postgres', SUPERUSER),
    application_name: 'countersign supervisor',
    connectionTimeoutMillis: 5_000,
  })
  session.on('error', () => {})
  try {
    await session.connect()
    if (await takeLock(session))
      return { state: 'ours', supervision: { session, ...(await describe(session)) } }
    await session.end()
    return { state: 'held' }
  } catch (cause) {
    await session.end().catch(() => {})
    return { state: 'unreachable', cause }
  }
}
