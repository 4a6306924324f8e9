import { Pool, type PoolClient } from 'pg'
import { Bug, Unavailable } from '../../core/refusal.ts'
import type { DatabaseAddress } from './database-url.ts'
import { exactTypes } from './exact-types.ts'

/** Limits of one pool. Every wait has an end. */
export type PoolLimits = {
  /** Shown in pg_stat_activity. */
  readonly applicationName: string
  /** Connections at most; 10. Each one costs the server 2 to 5 MB. */
  readonly max?: number
  /** A statement is cancelled after this; 10 s. */
  readonly statementTimeoutMs?: number
  /** Waiting for a row or table lock ends after this; 5 s. */
  readonly lockTimeoutMs?: number
  /** Waiting for a free or a new connection ends after this; 5 s. */
  readonly connectTimeoutMs?: number
  /** A transaction that does nothing is ended by the server after this; 15 s. */
  readonly idleInTransactionTimeoutMs?: number
  /** Called with errors of connections that nobody is using, such as a restart of the server; the pool drops them. */
  readonly onIdleError?: (error: Error) => void
}

/** How much longer than the server's own limit an answer is waited for. */
const SILENCE_MS = 5_000

/** Opens a pool; it connects when first used. End it with `pool.end()`. */
export function openPool(address: DatabaseAddress, limits: PoolLimits): Pool {
  const pool = new Pool({
    ...address,
    application_name: limits.applicationName,
    max: limits.max ?? 10,
    statement_timeout: limits.statementTimeoutMs ?? 10_000,
    lock_timeout: limits.lockTimeoutMs ?? 5_000,
    // The server's own limits end what it still hears of; this one ends waiting for a server that has fallen silent.
    query_timeout: (limits.statementTimeoutMs ?? 10_000) + SILENCE_MS,
    connectionTimeoutMillis: limits.connectTimeoutMs ?? 5_000,
    idle_in_transaction_session_timeout: limits.idleInTransactionTimeoutMs ?? 15_000,
    // Idle connections cost memory; the last one is kept a minute, so that a quiet server answers at once.
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    types: exactTypes,
  })
  // Without listeners, a server's restart would end this process: the pool hears of idle connections only, and one
  // that somebody holds tells its holder by failing the next query.
  pool.on('error', (error) => limits.onIdleError?.(error))
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

const CONNECTION_CODES =
  /^(08...|57P0[1-5]|53...|ECONN.*|ENOENT|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/
const CONNECTION_MESSAGES =
  /^(timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client has encountered a connection error|Client was closed)/

/**
 * The fault for an error of pg: `Unavailable` `store.unreachable` when the database can't be used at all (no
 * connection, shutting down, out of room or connections), `store.timeout` for a statement or lock that took too long;
 * any other error as it is.
 */
export function faultOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (CONNECTION_CODES.test(code) || CONNECTION_MESSAGES.test(error.message)) {
    return new Unavailable('store.unreachable', "the database can't be used now", { cause: error })
  }
  // query_canceled, lock_not_available, idle_in_transaction_session_timeout
  if (code === '57014' || code === '55P03' || code === '25P03') {
    return new Unavailable('store.timeout', 'the database took too long', { cause: error })
  }
  return error
}

/** How a transaction runs; PostgreSQL's own defaults where nothing is said. */
export type TransactionMode = {
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable'
  readonly readOnly?: boolean
  /** Statements without parameters that are sent together with BEGIN. */
  readonly scope?: string
}

function beginStatement(mode: TransactionMode): string {
  const isolation = mode.isolation ? ` isolation level ${mode.isolation}` : ''
  return `begin${isolation}${mode.readOnly ? ' read only' : ''}${mode.scope ? `; ${mode.scope}` : ''}`
}

/** COMMIT answers ROLLBACK, without an error, when a statement failed and its error was swallowed. */
async function commit(client: PoolClient): Promise<void> {
  const { command } = await client.query('commit')
  if (command !== 'COMMIT') throw new Bug('a transaction was rolled back: one of its errors was swallowed')
}

/**
 * Runs `work` in one transaction: committed when it returns, rolled back when it throws. A connection that can't be
 * rolled back is thrown away. Faults are those of `faultOf`, other errors come through as they are.
 */
export async function withTransaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  mode: TransactionMode = {},
): Promise<T> {
  const client = await pool.connect().catch((error) => {
    throw faultOf(error)
  })
  let broken: Error | undefined
  try {
    await client.query(beginStatement(mode))
    const value = await work(client)
    await commit(client)
    return value
  } catch (error) {
    await client.query('rollback').catch((failed: Error) => {
      broken = failed
    })
    throw faultOf(error)
  } finally {
    client.release(broken)
  }
}
