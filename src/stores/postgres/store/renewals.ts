import type { Pool } from 'pg'

import type { KeptStore, Renewal, RenewalStep, Renewed } from '../../../core/kept.ts'
import { type Clock, epochSeconds, toSeconds } from '../../../core/time.ts'
import { inTenants } from './scope.ts'

const BEGIN = {
  name: 'renewal_begin',
  text: `insert into countersign.renewals (tenant, session, doc, seed, current, renewed, expires)
    values ($1, $2, $3, $4, $5, $6, $7)`,
}
const KEPT = {
  name: 'renewal_kept',
  text: `select doc, seed, current, expires from countersign.renewals
    where tenant = $1 and session = $2 and expires > $3`,
}
const STATE = {
  name: 'renewal_state',
  text: `select current, previous, renewed from countersign.renewals
    where tenant = $1 and session = $2 and expires > $3`,
}
const LOCK = {
  name: 'renewal_lock',
  text: `select current, previous, renewed from countersign.renewals
    where tenant = $1 and session = $2 and expires > $3 for update`,
}
const NEXT = {
  name: 'renewal_next',
  text: `update countersign.renewals set previous = current, current = $3, renewed = $4
    where tenant = $1 and session = $2`,
}
const END = {
  name: 'renewal_end',
  text: 'delete from countersign.renewals where tenant = $1 and session = $2',
}

type Row = {
  readonly current: string
  readonly previous: string | null
  readonly renewed: bigint
}

type KeptRow = {
  readonly doc: string
  readonly seed: string
  readonly current: string
  readonly expires: bigint
}

type Renewing = Pick<KeptStore, 'beginRenewal' | 'renewal' | 'mayRenew' | 'renew' | 'endRenewal'>

/** Sessions that are renewed by a token which each use replaces (RFC 9700 §4.14.2). */
export function renewIn(pool: Pool, now: Clock): Renewing {
  const at = () => toSeconds(now())
  return {
    beginRenewal: (renewal) => begin(pool, at(), renewal),
    renewal: async (tenant, session) => {
      const { rows } = await inTenants(pool, [tenant], (client) =>
        client.query<KeptRow>({ ...KEPT, values: [tenant, session, at()] }),
      )
      const [row] = rows
      return row && { ...row, expires: epochSeconds(Number(row.expires)) }
    },
    mayRenew: (ask) => mayRenew(pool, ask, at()),
    renew: (ask) => renew(pool, ask, at()),
    endRenewal: async (tenant, session) => {
      await inTenants(pool, [tenant], (client) => client.query({ ...END, values: [tenant, session] }))
    },
  }
}

async function begin(pool: Pool, at: number, renewal: Renewal): Promise<void> {
  const { tenant, session, doc, seed, current, expires } = renewal
  await inTenants(pool, [tenant], (client) =>
    client.query({ ...BEGIN, values: [tenant, session, doc, seed, current, at, expires] }),
  )
}

function renew(pool: Pool, ask: RenewalStep, at: number): Promise<Renewed> {
  const { tenant, session, next } = ask
  return inTenants(pool, [tenant], async (client) => {
    const { rows } = await client.query<Row>({ ...LOCK, values: [tenant, session, at] })
    const came = judge(rows[0], ask, at)
    // Whoever lost a race finds the next one there already.
    if (came === 'renewed' && rows[0]?.current !== next)
      await client.query({ ...NEXT, values: [tenant, session, next, at] })
    return came
  })
}

async function mayRenew(pool: Pool, ask: RenewalStep, at: number): Promise<Renewed> {
  const values = [ask.tenant, ask.session, at]
  const { rows } = await inTenants(pool, [ask.tenant], (client) => client.query<Row>({ ...STATE, values }))
  return judge(rows[0], ask, at)
}

function judge(row: Row | undefined, { presented, next, grace }: RenewalStep, at: number): Renewed {
  if (row === undefined) return 'unknown'
  if (row.current === presented) return 'renewed'
  const raced = row.previous === presented && row.current === next && at - Number(row.renewed) <= grace
  return raced ? 'renewed' : 'reused'
}
