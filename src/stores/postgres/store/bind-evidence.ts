import type { Pool } from 'pg'
import type { TenantName } from '../../../core/ids.ts'
import type { Clock, EpochSeconds } from '../../../core/time.ts'
import { toSeconds } from '../../../core/time.ts'
import { inTenants } from './scope.ts'

export type Binding = {
  readonly tenant: TenantName
  readonly instance: string
  readonly jkt: string
  readonly expires: EpochSeconds
}

const FIRST = {
  name: 'bind_first',
  text: `insert into countersign.evidence_bindings (tenant, instance, jkt, expires)
    values ($1, $2, $3, $4) on conflict (tenant, instance) do nothing`,
}
const LOCK = {
  name: 'bind_lock',
  text: 'select jkt, expires from countersign.evidence_bindings where tenant = $1 and instance = $2 for update',
}
const MOVE = {
  name: 'bind_move',
  text: `update countersign.evidence_bindings set jkt = $3, expires = greatest(expires, $4)
    where tenant = $1 and instance = $2`,
}

/**
 * Binds an instance to a key. Three statements and not one: each sees what was committed before it, so of two that come first at the
 * same moment one is told of the other's key.
 */
export function bindEvidence(
  pool: Pool,
  now: Clock,
  binding: Binding,
): Promise<{ readonly previous?: string }> {
  const { tenant, instance, jkt, expires } = binding
  return inTenants(pool, [tenant], async (client) => {
    const first = await client.query({ ...FIRST, values: [tenant, instance, jkt, expires] })
    if (first.rowCount === 1) return {}
    const { rows } = await client.query<{ jkt: string; expires: bigint }>({
      ...LOCK,
      values: [tenant, instance],
    })
    await client.query({ ...MOVE, values: [tenant, instance, jkt, expires] })
    const [was] = rows
    const stands = was !== undefined && was.jkt !== jkt && Number(was.expires) > toSeconds(now())
    return stands ? { previous: was.jkt } : {}
  })
}
