import { Bug, Unavailable } from '../../../core/refusal.ts'
import { CommitRefused } from '../../../lib/grouped-commit.ts'
import { faultOf } from '../connect.ts'

type DatabaseError = Error & { readonly code: string; readonly table?: string; readonly constraint?: string }

/** serialization_failure, deadlock_detected. */
const CONFLICT = new Set(['40001', '40P01'])
/** read_only_sql_transaction: a standby, or a database that was set so. */
const READ_ONLY = '25006'
const POOL_ENDED = /^Cannot use a pool after calling end/

function isDatabaseError(error: unknown): error is DatabaseError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && 'severity' in error
}

/**
 * What the Store throws for any error: `Unavailable` with `store.unreachable`, `store.timeout`, `store.conflict`, `store.read_only`,
 * `store.queue_full` or `store.closed`; `Bug` for everything else that PostgreSQL refused. PostgreSQL's own words may quote values,
 * so only its code and the names of what refused are kept.
 */
export function storeFault(error: unknown): unknown {
  if (error instanceof CommitRefused) {
    const closed = error.reason === 'commit.closed'
    return new Unavailable(closed ? 'store.closed' : 'store.queue_full', error.message)
  }
  if (error instanceof Error && POOL_ENDED.test(error.message)) {
    return new Unavailable('store.closed', 'the store is closed')
  }
  if (!isDatabaseError(error)) return faultOf(error)
  const fault = faultOf(error)
  if (fault instanceof Unavailable) return new Unavailable(fault.reason, `${fault.message} (${error.code})`)
  if (CONFLICT.has(error.code)) return new Unavailable('store.conflict', 'the database gave way to another')
  if (error.code === READ_ONLY) return new Unavailable('store.read_only', 'the database takes no writes now')
  const where = [error.table, error.constraint].filter((name) => name !== undefined).join(', ')
  return new Bug(`PostgreSQL refused a statement: ${error.code}${where ? ` (${where})` : ''}`)
}

/** Runs something of the Store; what it throws becomes the Store's fault. */
export async function faulting<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw storeFault(error)
  }
}
