import type { Pool } from 'pg'
import type { EpochSeconds } from '../../../core/time.ts'
import { acrossTenants } from './scope.ts'

/**
 * How long after its end a row stays, in seconds. A key that was spent stays spent for an hour more, because the clocks of those who
 * judge its token may differ.
 */
const KEPT_SECONDS = {
  spent: 3_600,
  evidence_bindings: 3_600,
  sessions: 86_400,
  kept: 60,
  renewals: 60,
} as const
const ROWS_AT_A_TIME = 5_000

export type Pruned = Readonly<Record<keyof typeof KEPT_SECONDS, number>>

/** Removes what has expired. Rows that somebody holds are left for the next time. */
export async function pruneExpired(pool: Pool, now: EpochSeconds): Promise<Pruned> {
  return {
    spent: await prune(pool, 'spent', now),
    evidence_bindings: await prune(pool, 'evidence_bindings', now),
    sessions: await prune(pool, 'sessions', now),
    kept: await prune(pool, 'kept', now),
    renewals: await prune(pool, 'renewals', now),
  }
}

async function prune(pool: Pool, table: keyof typeof KEPT_SECONDS, now: EpochSeconds): Promise<number> {
  const text = `delete from countersign.${table} where ctid = any (array(
    select ctid from countersign.${table} where expires < $1 limit ${ROWS_AT_A_TIME} for update skip locked))`
  const { rowCount } = await acrossTenants(pool, (client) =>
    client.query({ name: `prune_${table}`, text, values: [now - KEPT_SECONDS[table]] }),
  )
  const removed = rowCount ?? 0
  return removed < ROWS_AT_A_TIME ? removed : removed + (await prune(pool, table, now))
}
