/** Baseline of `audit.append`: rows into one table with `pg`, all that wait in one insert, each caller answered once it is committed. */
import { Pool } from 'pg'
import { announce, endWithParent } from '../../examples/parts/announce.ts'
import { call } from '../callers.ts'
import { decisionDraft } from '../events.ts'

const [url = '', tenants = '', callers, warmUp, count] = process.argv.slice(2)
const pool = new Pool({ connectionString: url, max: 1 })
await pool.query(
  'create table bench_events (n bigint generated always as identity primary key, event text not null)',
)
const insert = { name: 'insert', text: 'insert into bench_events (event) select * from unnest($1::text[])' }
let waiting: { readonly event: string; readonly done: () => void }[] = []
let running = false
async function drain(): Promise<void> {
  for (; waiting.length > 0; await new Promise(setImmediate)) {
    const group = waiting
    waiting = []
    await pool.query({ ...insert, values: [group.map(({ event }) => event)] })
    for (const { done } of group) done()
  }
  running = false
}
const record = (at: number) =>
  new Promise<void>((done) => {
    waiting.push({ event: JSON.stringify(decisionDraft(tenants.split(','), `dec_b${at}`, at)), done })
    if (!running) setImmediate(drain)
    running = true
  })
announce(await call(record, { callers: Number(callers), warmUp: Number(warmUp), count: Number(count) }))
endWithParent()
