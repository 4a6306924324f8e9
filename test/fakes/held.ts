import type { HeldKey, HeldRow, HeldStore } from '../../src/core/held.ts'
import type { EpochSeconds } from '../../src/core/time.ts'

/** Holds things as the Store does, in memory; `now` in seconds. `dump` is all that a reader of the database would see. */
export function memoryHeld(now: () => number): HeldStore & { readonly dump: () => unknown } {
  const rows = new Map<string, HeldRow & { readonly claimed: number }>()
  const keys = new Map<string, string>()
  const keyOf = ({ tenant, user, place }: HeldKey) => JSON.stringify([tenant, user, place])
  const put = (secret: Omit<HeldRow, 'version' | 'changed'>, version: number) => {
    const { tenant, user, place, sealed, about } = secret
    const changed = now() as EpochSeconds
    rows.set(keyOf(secret), { tenant, user, place, sealed, about, version, changed, claimed: 0 })
  }
  const at = (key: HeldKey, version?: number) => {
    const row = rows.get(keyOf(key))
    return version === undefined || row?.version === version ? row : undefined
  }
  return {
    dump: () => [[...rows.values()], [...keys]],
    held: async (key) => at(key),
    holdings: async (tenant, user) =>
      [...rows.values()].filter((row) => row.tenant === tenant && (user === undefined || row.user === user)),
    hold: async (secret) => put(secret, (at(secret)?.version ?? 0) + 1),
    claimHeld: async (key, version, until) => {
      const row = at(key, version)
      if (!row || row.claimed > now()) return false
      rows.set(keyOf(key), { ...row, claimed: until })
      return true
    },
    replaceHeld: async (secret, version) => {
      if (!at(secret, version)) return false
      put(secret, version + 1)
      return true
    },
    unclaimHeld: async (key, version) => {
      const row = at(key, version)
      if (row) rows.set(keyOf(key), { ...row, claimed: 0 })
    },
    letGo: async (key, version) => {
      const row = at(key, version)
      if (row) rows.delete(keyOf(key))
      return row
    },
    tenantKey: async (tenant) => keys.get(tenant),
    saveTenantKey: async (tenant, wrapped, previous) => {
      if (keys.get(tenant) !== previous) return false
      keys.set(tenant, wrapped)
      return true
    },
  }
}
