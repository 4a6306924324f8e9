import { randomBytes } from 'node:crypto'
import type { HeldKey, HeldPlace, HeldRow, HeldSecrets, HeldStore, Opened } from '../core/held.ts'
import type { TenantName } from '../core/ids.ts'
import { type Refusal, refuse, Unavailable } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { reveal, Secret } from '../core/secret.ts'
import { type SealingKey, seal, unseal } from '../lib/sealed.ts'

/** Keys outside the database: the first wraps, each opens what it wrapped before. */
export type RootKeys = readonly [SealingKey, ...SealingKey[]]

export function createHeldSecrets(store: HeldStore, roots: RootKeys): HeldSecrets {
  const keys = new Map<TenantName, SealingKey>()
  const keyOf = async (tenant: TenantName): Promise<Result<SealingKey, Refusal>> => {
    const known = keys.get(tenant)
    if (known) return ok(known)
    const found = await tenantKey(store, roots, tenant)
    if (found.ok) keys.set(tenant, found.value)
    return found
  }
  const openRow = async (row: HeldRow): Promise<Result<Opened, Refusal>> => {
    const key = await keyOf(row.tenant)
    if (!key.ok) return key
    const { kid } = key.value
    const text = await unseal((asked) => (asked === kid ? key.value : undefined), contextOf(row), row.sealed)
    if (!text.ok) return err(refuse(text.error.refused, text.error.reason, text.error.says))
    const { about, version, changed } = row
    return ok({ secret: new Secret(text.value), about, version, changed })
  }
  const sealFor = async (at: HeldKey, secret: Secret): Promise<Result<string, Refusal>> => {
    const key = await keyOf(at.tenant)
    return key.ok ? ok(await seal(key.value, contextOf(at), reveal(secret))) : key
  }
  return {
    open: async (key) => {
      const row = await store.held(key)
      return row ? openRow(row) : ok(undefined)
    },
    hold: async (key, secret, about) => {
      const sealed = await sealFor(key, secret)
      return sealed.ok ? ok(await store.hold({ ...whole(key), sealed: sealed.value, about })) : sealed
    },
    list: (tenant, user) => store.holdings(tenant, user),
    claim: (key, version, until) => store.claimHeld(key, version, until),
    unclaim: (key, version) => store.unclaimHeld(key, version),
    replace: async (key, secret, about, version) => {
      const sealed = await sealFor(key, secret)
      if (!sealed.ok) return sealed
      return ok(await store.replaceHeld({ ...whole(key), sealed: sealed.value, about }, version))
    },
    letGo: async (key, version) => {
      const row = await store.letGo(key, version)
      if (!row) return { gone: false }
      const opened = await openRow(row)
      return opened.ok ? { gone: true, opened: opened.value } : { gone: true }
    },
  }
}

function whole({ tenant, user, place }: HeldKey): HeldKey {
  return { tenant, user, place }
}

/** Whose and where: authenticated with what is sealed. */
function contextOf({ tenant, user, place }: { tenant: TenantName; user: string; place: HeldPlace }) {
  return ['held', tenant, user, place]
}

/** The tenant's key: made when first needed, wrapped anew when the root key that wrapped it is no longer the first. */
async function tenantKey(
  store: HeldStore,
  roots: RootKeys,
  tenant: TenantName,
): Promise<Result<SealingKey, Refusal>> {
  const context = ['tenant key', tenant]
  const stored = (await store.tenantKey(tenant)) ?? (await firstKey(store, roots, tenant, context))
  let by = ''
  const rootOf = (kid: string) => {
    by = kid
    return roots.find((root) => root.kid === kid)
  }
  const opened = await unseal(rootOf, context, stored)
  if (!opened.ok) return err(refuse('denied', opened.error.reason, opened.error.says))
  if (by !== roots[0].kid)
    // Whoever else does the same at once wrapped the same key: the one that is second changes nothing.
    await store.saveTenantKey(tenant, await seal(roots[0], context, opened.value), stored)
  return ok({ kid: 'tenant', secret: Buffer.from(opened.value, 'base64') })
}

async function firstKey(
  store: HeldStore,
  roots: RootKeys,
  tenant: TenantName,
  context: readonly string[],
): Promise<string> {
  const wrapped = await seal(roots[0], context, randomBytes(32).toString('base64'))
  if (await store.saveTenantKey(tenant, wrapped, undefined)) return wrapped
  const first = await store.tenantKey(tenant)
  if (first !== undefined) return first
  throw new Unavailable('store.conflict', 'the key of a tenant was neither stored nor there')
}
