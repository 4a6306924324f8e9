import { ATTESTORS } from '../attestors/registry.ts'
import { CONDITIONS } from '../conditions/registry.ts'
import { issuerOf } from '../core/identity/tenant.ts'
import type { Store } from '../core/ports.ts'
import type { RegistryPorts } from '../flows/configuration/registry-writing.ts'
import type { PlugInSchemas } from '../flows/read-configuration.ts'
import { createReadPolicies, type PolicyParser } from '../flows/read-policies.ts'
import type { LiveRegistry } from './live-registry.ts'
import { configuredProvider, type Providers, wallClock } from './plug-ins.ts'
import type { KeyTending } from './tend-keys.ts'

/** The strict settings of every plug-in there is, by kind and name. */
export function plugInSchemas(providers: Providers): PlugInSchemas {
  return {
    trust: new Map([...ATTESTORS].map(([name, { trust }]) => [name, trust])),
    condition: new Map([...CONDITIONS].map(([name, { config }]) => [name, config])),
    credential: new Map([...providers].map(([name, { config }]) => [name, config])),
  }
}

/** What writing the registry is composed of. */
export type RegistryParts = {
  /** The authority's own; issuers are below it. */
  readonly origin: string
  readonly live: LiveRegistry
  readonly tending: Pick<KeyTending, 'settled'>
  readonly store: Pick<Store, 'commit'>
  readonly cedar: PolicyParser
  readonly providers: Providers
}

/** What writing the registry stands on, with the plug-ins' own schemas and their looks at a target. */
export function registryPorts({
  origin,
  live,
  tending,
  store,
  cedar,
  providers,
}: RegistryParts): RegistryPorts {
  return {
    now: wallClock,
    schemas: plugInSchemas(providers),
    readPolicies: createReadPolicies(cedar),
    issuerOf: (tenant) => issuerOf(origin, tenant),
    inspect: async (_tenant, resource, settings) => {
      const found = configuredProvider(providers, settings)
      if (!found?.provider.inspect) return []
      const ports = { now: wallClock(), signal: AbortSignal.timeout(10_000) }
      return found.provider.inspect(resource, found.config, ports)
    },
    documents: live.documents,
    revision: () => live.snapshot().revision,
    // Whoever is told that a new tenant was applied may ask for a token at once, so its keys are there by then.
    refresh: async () => {
      await live.refresh()
      await tending.settled()
    },
    store,
  }
}
