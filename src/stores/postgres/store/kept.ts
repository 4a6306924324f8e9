import type { Pool } from 'pg'
import type { TenantName } from '../../../core/ids.ts'
import type { Kept, KeptKind, KeptStore } from '../../../core/kept.ts'
import { type Clock, toSeconds } from '../../../core/time.ts'
import { inTenants } from './scope.ts'

const KEEP = {
  name: 'keep',
  text: 'insert into countersign.kept (tenant, kind, digest, doc, expires) values ($1, $2, $3, $4, $5)',
}
/** Counting under a lock of the tenant's own: two that come at once must not both be the last. */
const LOCK = {
  name: 'kept_lock',
  text: `select pg_advisory_xact_lock(hashtextextended('kept ' || $1 || ' ' || $2, 0))`,
}
const COUNT = {
  name: 'kept_count',
  text: 'select count(*) as many from countersign.kept where tenant = $1 and kind = $2 and expires > $3',
}
const LOOK = {
  name: 'kept_look',
  text: 'select doc from countersign.kept where tenant = $1 and kind = $2 and digest = $3 and expires > $4',
}
const TAKE = {
  name: 'kept_take',
  text: `delete from countersign.kept where tenant = $1 and kind = $2 and digest = $3
    returning case when expires > $4 then doc end as doc`,
}

type Keeping = Pick<KeptStore, 'keep' | 'look' | 'take'>

/** What is kept under a key and given once, or looked at while it lasts. */
export function keepIn(pool: Pool, now: Clock): Keeping {
  const read = async (
    statement: typeof LOOK,
    tenant: TenantName,
    kind: KeptKind,
    digest: string,
  ): Promise<string | undefined> => {
    const values = [tenant, kind, digest, toSeconds(now())]
    const { rows } = await inTenants(pool, [tenant], (client) =>
      client.query<{ doc: string | null }>({ ...statement, values }),
    )
    return rows[0]?.doc ?? undefined
  }
  return {
    keep: (kept, most) => keep(pool, now, kept, most),
    look: (tenant, kind, digest) => read(LOOK, tenant, kind, digest),
    take: (tenant, kind, digest) => read(TAKE, tenant, kind, digest),
  }
}

function keep(pool: Pool, now: Clock, kept: Kept, most: number | undefined): Promise<boolean> {
  const { tenant, kind, digest, doc, expires } = kept
  return inTenants(pool, [tenant], async (client) => {
    if (most !== undefined) {
      await client.query({ ...LOCK, values: [tenant, kind] })
      const counted = await client.query<{ many: bigint }>({
        ...COUNT,
        values: [tenant, kind, toSeconds(now())],
      })
      if (Number(counted.rows[0]?.many ?? 0) >= most) return false
    }
    await client.query({ ...KEEP, values: [tenant, kind, digest, doc, expires] })
    return true
  })
}
