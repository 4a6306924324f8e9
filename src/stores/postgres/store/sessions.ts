import type { Pool, PoolClient } from 'pg'
import type { SessionId, TenantName } from '../../../core/ids.ts'
import type { Link } from '../../../core/lifecycle/revocation.ts'
import type { SessionRow } from '../../../core/ports.ts'
import type { Clock } from '../../../core/time.ts'
import { epochMillis, epochSeconds, toSeconds } from '../../../core/time.ts'
import { inTenants } from './scope.ts'

/** A session's id is derived, so it comes again: it stays as it was while it lasts, and begins anew after its end. */
const PUT = {
  name: 'put_sessions',
  text: `insert into countersign.sessions as was (tenant, id, agent, user_id, links, started, expires)
    select * from json_to_recordset($1::json)
      as new (tenant text, id text, agent text, user_id text, links text[], started bigint, expires bigint)
    on conflict (tenant, id) do update set agent = excluded.agent, user_id = excluded.user_id,
      links = excluded.links, started = excluded.started, expires = excluded.expires
    where was.expires * 1000 <= excluded.started`,
}
const BY_LINK = {
  name: 'sessions_by_link',
  text: `select tenant, id, agent, user_id, links, started, expires from countersign.sessions
    where tenant = $1 and links @> array[$2::text] and expires > $3 order by started, id`,
}

type Row = {
  readonly tenant: TenantName
  readonly id: SessionId
  readonly agent: string
  readonly user_id: string | null
  readonly links: Link[]
  readonly started: bigint
  readonly expires: bigint
}

/** Adds sessions that are not there, in one order for everybody. */
export async function putSessions(client: PoolClient, sessions: readonly SessionRow[]): Promise<void> {
  if (sessions.length === 0) return
  const rows = new Map<string, object>()
  for (const { user, ...session } of sessions) {
    const key = `${session.tenant} ${session.id}`
    if (!rows.has(key)) rows.set(key, { ...session, user_id: user ?? null })
  }
  const inOrder = [...rows.keys()].sort().map((key) => rows.get(key))
  await client.query({ ...PUT, values: [JSON.stringify(inOrder)] })
}

/** Sessions of a tenant that carry a link and have not expired. */
export async function readSessions(
  pool: Pool,
  now: Clock,
  where: { readonly tenant: TenantName; readonly link: Link },
): Promise<readonly SessionRow[]> {
  const values = [where.tenant, where.link, toSeconds(now())]
  const { rows } = await inTenants(pool, [where.tenant], (client) =>
    client.query<Row>({ ...BY_LINK, values }),
  )
  return rows.map(({ user_id, ...row }) => ({
    ...row,
    ...(user_id === null ? {} : { user: user_id }),
    started: epochMillis(Number(row.started)),
    expires: epochSeconds(Number(row.expires)),
  }))
}
