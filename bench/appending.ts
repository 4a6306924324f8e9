/** Records events as an authority does, from many callers at once, in this process; says what that came to. */

import { announce, endWithParent } from '../examples/parts/announce.ts'
import { openPool } from '../src/stores/postgres/connect.ts'
import { readDatabaseUrl } from '../src/stores/postgres/database-url.ts'
import { createPostgresStore } from '../src/stores/postgres/store/create.ts'
import { call } from './callers.ts'
import { decisionDraft } from './events.ts'

const [url = '', tenants = '', callers, warmUp, count] = process.argv.slice(2)

const address = readDatabaseUrl(url)
if (!address.ok) throw new Error(address.error.says)
const pool = openPool(address.value, { applicationName: 'bench' })
const store = await createPostgresStore({ pool })
const record = async (at: number) => {
  const written = await store.commit({ events: [decisionDraft(tenants.split(','), `dec_a${at}`, at)] })
  if (!written.done) throw new Error(`an event was not recorded: ${written.why}`)
}
const called = await call(record, { callers: Number(callers), warmUp: Number(warmUp), count: Number(count) })
await store.close()
await pool.end()
announce(called)
endWithParent()
