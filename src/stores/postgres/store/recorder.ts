import type { Pool, PoolClient } from 'pg'
import { type RecorderId, type Revision, revision } from '../../../core/ids.ts'
import { Bug } from '../../../core/refusal.ts'
import type { EpochMillis } from '../../../core/time.ts'

const BEGIN = `insert into countersign.recorders (recorder, kind, next_n, started) values ($1, 'authority', 1, $2)`
const END = 'update countersign.recorders set ended = $2 where recorder = $1'
const NEXT = { name: 'next_n', text: 'select next_n from countersign.recorders where recorder = $1' }
const ADVANCE = {
  name: 'advance_recorder',
  text: `with moved as (
      update countersign.recorders set next_n = $3 where recorder = $1 and next_n = $2 returning recorder
    )
    select revision from countersign.revision, moved`,
}

/** Each start of an authority is a new recorder, numbered from 1: after a crash nobody must know how far the last one came. */
export async function beginRecorder(pool: Pool, recorder: RecorderId, now: EpochMillis): Promise<void> {
  await pool.query(BEGIN, [recorder, now])
}

/** A recorder without an end is one that runs, or crashed. */
export async function endRecorder(pool: Pool, recorder: RecorderId, now: EpochMillis): Promise<void> {
  await pool.query(END, [recorder, now])
}

export async function nextNumber(client: PoolClient, recorder: RecorderId): Promise<number> {
  const { rows } = await client.query<{ next_n: bigint }>({ ...NEXT, values: [recorder] })
  const [row] = rows
  if (!row) throw new Bug('this recorder is not known')
  return Number(row.next_n)
}

/** Answers the newest committed revision too, since whoever commits asks for it: a round trip less. */
export async function advanceRecorder(
  client: PoolClient,
  recorder: RecorderId,
  from: number,
  to: number,
): Promise<Revision> {
  const { rows } = await client.query<{ revision: bigint }>({ ...ADVANCE, values: [recorder, from, to] })
  const [row] = rows
  if (!row) throw new Bug('another process numbers events as this recorder')
  return revision(Number(row.revision))
}
