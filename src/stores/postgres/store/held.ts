import type { Pool } from 'pg'
import type { HeldKey, HeldPlace, HeldRow, HeldSecret, HeldStore } from '../../../core/held.ts'
import type { TenantName, UserId } from '../../../core/ids.ts'
import { type Clock, type EpochSeconds, toSeconds } from '../../../core/time.ts'
import { inTenants } from './scope.ts'

const COLUMNS = 'tenant, user_id, place, sealed, about, version, changed'
const HERE = 'tenant = $1 and user_id = $2 and place = $3'

const HELD = { name: 'held', text: `select ${COLUMNS} from countersign.held where ${HERE}` }
const HOLDINGS = {
  name: 'holdings',
  text: `select ${COLUMNS} from countersign.held
    where tenant = $1 and ($2::text is null or user_id = $2) order by place, user_id`,
}
const HOLD = {
  name: 'hold',
  text: `insert into countersign.held (tenant, user_id, place, sealed, about, version, changed)
    values ($1, $2, $3, $4, $5, 1, $6)
    on conflict (tenant, user_id, place) do update set sealed = excluded.sealed, about = excluded.about,
      version = held.version + 1, changed = excluded.changed, claimed_until = 0`,
}
const CLAIM = {
  name: 'held_claim',
  text: `update countersign.held set claimed_until = $5 where ${HERE} and version = $4 and claimed_until <= $6`,
}
const REPLACE = {
  name: 'held_replace',
  text: `update countersign.held set sealed = $5, about = $6, version = version + 1, changed = $7, claimed_until = 0
    where ${HERE} and version = $4`,
}
const UNCLAIM = {
  name: 'held_unclaim',
  text: `update countersign.held set claimed_until = 0 where ${HERE} and version = $4`,
}
const LET_GO = {
  name: 'held_let_go',
  text: `delete from countersign.held where ${HERE} and ($4::bigint is null or version = $4) returning ${COLUMNS}`,
}
const KEY = { name: 'tenant_key', text: 'select wrapped from countersign.tenant_keys where tenant = $1' }
const FIRST_KEY = {
  name: 'tenant_key_first',
  text: 'insert into countersign.tenant_keys (tenant, wrapped) values ($1, $2) on conflict do nothing',
}
const NEXT_KEY = {
  name: 'tenant_key_next',
  text: 'update countersign.tenant_keys set wrapped = $2 where tenant = $1 and wrapped = $3',
}

type Row = {
  readonly tenant: string
  readonly user_id: string
  readonly place: string
  readonly sealed: string
  readonly about: string
  readonly version: bigint
  readonly changed: bigint
}
type Statement = { readonly name: string; readonly text: string }
type Value = string | number | null

/** Held secrets, each in its tenant, for one person, at one place. */
export function holdIn(pool: Pool, now: Clock): HeldStore {
  const rows = (tenant: TenantName, statement: Statement, values: Value[]) =>
    inTenants(pool, [tenant], async (client) => {
      const found = await client.query<Row>({ ...statement, values })
      return found.rows.map(rowOf)
    })
  const changed = (tenant: TenantName, statement: Statement, values: Value[]) =>
    inTenants(pool, [tenant], async (client) => {
      const { rowCount } = await client.query({ ...statement, values })
      return (rowCount ?? 0) > 0
    })
  const at = () => toSeconds(now())
  return {
    held: async (key) => (await rows(key.tenant, HELD, where(key)))[0],
    holdings: (tenant, user) => rows(tenant, HOLDINGS, [tenant, user ?? null]),
    hold: async (secret) => {
      await changed(secret.tenant, HOLD, [...where(secret), ...what(secret), at()])
    },
    claimHeld: (key, version, until) => changed(key.tenant, CLAIM, [...where(key), version, until, at()]),
    replaceHeld: (secret, version) =>
      changed(secret.tenant, REPLACE, [...where(secret), version, ...what(secret), at()]),
    unclaimHeld: async (key, version) => {
      await changed(key.tenant, UNCLAIM, [...where(key), version])
    },
    letGo: async (key, version) => (await rows(key.tenant, LET_GO, [...where(key), version ?? null]))[0],
    tenantKey: (tenant) =>
      inTenants(pool, [tenant], async (client) => {
        const found = await client.query<{ wrapped: string }>({ ...KEY, values: [tenant] })
        return found.rows[0]?.wrapped
      }),
    saveTenantKey: (tenant, wrapped, previous) =>
      previous === undefined
        ? changed(tenant, FIRST_KEY, [tenant, wrapped])
        : changed(tenant, NEXT_KEY, [tenant, wrapped, previous]),
  }
}

function where({ tenant, user, place }: HeldKey): [string, string, string] {
  return [tenant, user, place]
}

function what({ sealed, about }: HeldSecret): [string, string] {
  return [sealed, about]
}

function rowOf(row: Row): HeldRow {
  return {
    tenant: row.tenant as TenantName,
    user: row.user_id as UserId,
    place: row.place as HeldPlace,
    sealed: row.sealed,
    about: row.about,
    version: Number(row.version),
    changed: Number(row.changed) as EpochSeconds,
  }
}
