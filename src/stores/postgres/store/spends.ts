import type { PoolClient } from 'pg'
import type { TenantName } from '../../../core/ids.ts'
import type { Write } from '../../../core/ports.ts'

export type Spend = NonNullable<Write['spend']>

const SPEND = {
  name: 'spend',
  text: `insert into countersign.spent (tenant, key, expires)
    select * from unnest($1::text[], $2::text[], $3::bigint[])
    on conflict (tenant, key) do nothing returning tenant, key`,
}

/**
 * Spends keys, and answers at which places of the list a key was spent for the first time. In one order for everybody: whoever comes
 * second to a key waits until the first has committed.
 */
export async function spendKeys(
  client: PoolClient,
  spends: readonly (Spend | undefined)[],
): Promise<ReadonlySet<number>> {
  const first = new Map<string, { readonly spend: Spend; readonly at: number }>()
  for (const [at, spend] of spends.entries()) {
    if (spend && !first.has(keyOf(spend))) first.set(keyOf(spend), { spend, at })
  }
  if (first.size === 0) return new Set()
  const inOrder = [...first.keys()].sort().flatMap((key) => first.get(key)?.spend ?? [])
  const { rows } = await client.query<{ tenant: TenantName; key: string }>({
    ...SPEND,
    values: [
      inOrder.map(({ tenant }) => tenant),
      inOrder.map(({ key }) => key),
      inOrder.map(({ expires }) => expires),
    ],
  })
  return new Set(rows.flatMap((row) => first.get(keyOf(row))?.at ?? []))
}

function keyOf({ tenant, key }: Pick<Spend, 'tenant' | 'key'>): string {
  return JSON.stringify([tenant, key])
}
