import type { Pool, PoolClient } from 'pg'
import type { TenantName } from '../../../core/ids.ts'
import { isName } from '../../../core/ids.ts'
import { Bug } from '../../../core/refusal.ts'
import { withTransaction } from '../connect.ts'

/** The setting that row security reads. A name with a comma in it would open another tenant, so each is checked. */
export function tenantSetting(tenants: Iterable<TenantName>): string {
  const names = [...new Set(tenants)]
  for (const name of names) if (!isName(name)) throw new Bug('a tenant is not named like one')
  return names.join(',')
}

/** A transaction that sees and writes the rows of these tenants only. */
export function inTenants<T>(
  pool: Pool,
  tenants: Iterable<TenantName>,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  return withTransaction(pool, work, { scope: scopeOf('countersign_app', tenantSetting(tenants)) })
}

/** A transaction of the system itself, over all tenants: it may read, and remove what has expired. */
export function acrossTenants<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  return withTransaction(pool, work, { scope: scopeOf('countersign_system', '') })
}

/**
 * What a transaction may see. Both settings are local to it: a pooled connection, or a pooler before the database, carries nothing over.
 * They are sent with BEGIN, in one round trip, so the names stand in the statement; they were checked, and none needs quoting.
 */
function scopeOf(role: 'countersign_app' | 'countersign_system', tenants: string): string {
  return `set local role ${role}; set local countersign.tenant to '${tenants}'`
}
