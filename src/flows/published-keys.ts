import type { SigningKey } from '../core/identity/token-key.ts'
import type { TenantSnapshot } from '../core/snapshot.ts'
import { type KeySet, keySetOf } from '../lib/jose/key-set.ts'
import { importPublicJwk, type PinnedKey } from '../lib/jose/public-key.ts'

const imported = new WeakMap<SigningKey, PinnedKey>()
const sets = new WeakMap<TenantSnapshot['keys'], KeySet>()

/** The keys that a tenant publishes, ready to verify with: made once for each version of the tenant. */
export function publishedKeys(tenant: TenantSnapshot): KeySet {
  const before = sets.get(tenant.keys)
  if (before) return before
  const keys = keySetOf([...tenant.keys.values()].flatMap((key) => importKey(key) ?? []))
  sets.set(tenant.keys, keys)
  return keys
}

/** Whether the tenant still publishes the very key that verified something before. */
export function publishes(tenant: TenantSnapshot, kid: string, x: string): boolean {
  return tenant.keys.get(kid)?.jwk.x === x
}

function importKey(key: SigningKey): PinnedKey | undefined {
  const before = imported.get(key)
  if (before) return before
  const read = importPublicJwk(key.jwk)
  if (!read.ok) return undefined
  imported.set(key, read.value)
  return read.value
}
