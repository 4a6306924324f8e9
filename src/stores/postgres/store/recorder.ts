import type { Pool, PoolClient } from 'pg'
import type { RecorderId } from '../../../core/ids.ts'
import { Bug } from '../../../core/refusal.ts'
import type { EpochMillis } from '../../../core/time.ts'

const BEGIN = `insert into countersign.recorders (recorder, kind, next_n, started) values ($1, 'authority', 1, $2)`
const END = 'update countersign.recorders set ended = $2 where recorder = $1'
const NEXT = { name: 'next_n', text: 'select next_n from countersign.recorders where recorder = $1' }
const ADVANCE = {
  name: 'advance_recorder',
  text: 'update countersign.recorders set next_n = $3 where recorder = $1 and next_n = $2',
}

/** Each start of an authority is a new recorder, numbered from 1: after a crash nobody must know how far the last one came. */
export async function beginRecorder(pool: Pool, recorder: RecorderId, now: EpochMillis): Promise<void> {
  await pool.query(BEGIN, [recorder, now])
}

/** A recorder without an end is one that runs, or crashed. */
export async function endRecorder(pool: Pool, recorder: RecorderId, now: EpochMillis): Promise<void> {
  await pool.query(END, [recorder, now])
}

/** Read in each transaction, never remembered: a commit whose answer was lost may have happened. */
export async function nextNumber(client: PoolClient, recorder: RecorderId): Promise<number> {
  const { rows } = await client.query<{ next_n: bigint }>({ ...NEXT, values: [recorder] })
  const [row] = rows
  if (!row) throw new Bug('this recorder is not known')
  return Number(row.next_n)
}

export async function advanceRecorder(
  client: PoolClient,
  recorder: RecorderId,
  from: number,
  to: number,
): Promise<void> {
  const { rowCount } = await client.query({ ...ADVANCE, values: [recorder, from, to] })
  if (rowCount !== 1) throw new Bug('another process numbers events as this recorder')
}
