import { documentKey } from '../core/documents.ts'
import type { TenantName } from '../core/ids.ts'
import type { LiveRegistry } from './live-registry.ts'
import type { TokenKeys } from './token-keys.ts'

const LOOK_EVERY_MS = 60_000

/** The work of keeping every tenant's token keys. */
export type KeyTending = {
  /** Resolves once every tenant that is known by now was seen to: a new one can't be used before. */
  readonly settled: () => Promise<void>
  readonly close: () => Promise<void>
}

/** Sees to it that every tenant has its token keys: those that exist, each new one when it appears, and their rotation. */
export async function tendTenantKeys(
  keys: TokenKeys,
  live: LiveRegistry,
  fault: (error: unknown) => void,
): Promise<KeyTending> {
  let last: Promise<void> = Promise.resolve()
  const tend = (tenants: Iterable<TenantName>) => {
    for (const tenant of tenants) last = last.then(() => keys.tend(tenant)).catch(fault)
    return last
  }
  const all = () => tend([...live.snapshot().tenants.keys()])
  await all()
  const stop = live.onChange((changes) => {
    const born = changes.filter(
      ({ kind, tenant, name, doc }) =>
        kind === 'tenant' && doc !== null && live.documents().has(documentKey(tenant, kind, name)),
    )
    void tend(new Set(born.map(({ tenant }) => tenant)))
  })
  const timer = setInterval(() => void all(), LOOK_EVERY_MS)
  return {
    settled: () => last,
    close: async () => {
      stop()
      clearInterval(timer)
      await last
    },
  }
}
