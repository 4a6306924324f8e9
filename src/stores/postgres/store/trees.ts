import type { Pool } from 'pg'
import type { TenantName } from '../../../core/ids.ts'
import { inTenants } from './scope.ts'

const ENSURE = {
  name: 'ensure_trees',
  text: `insert into countersign.audit_trees (tenant, size, frontier)
    select tenant, 0, '{}' from unnest($1::text[]) as new (tenant) on conflict do nothing`,
}

/**
 * Sees to it that each tenant has a log, an empty one at first. In a transaction of its own, before the one that locks logs: adding
 * a row between locks could make two of them wait for each other.
 */
export function treeKeeper(pool: Pool): (tenants: Iterable<TenantName>) => Promise<void> {
  const known = new Set<TenantName>()
  return async (tenants) => {
    const missing = [...new Set(tenants)].filter((tenant) => !known.has(tenant)).sort()
    if (missing.length === 0) return
    await inTenants(pool, missing, (client) => client.query({ ...ENSURE, values: [missing] }))
    for (const tenant of missing) known.add(tenant)
  }
}
