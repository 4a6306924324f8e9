import { emptySnapshot } from '../core/snapshot.ts'
import { credentialProviders } from '../credentials/registry.ts'
import { applyConfiguration } from '../flows/apply-configuration.ts'
import type { PlannedChange } from '../flows/configuration/plan.ts'
import type { ConfigurationFile, Problem } from '../flows/read-configuration.ts'
import { createReadPolicies } from '../flows/read-policies.ts'
import { openCedar } from '../lib/cedar/cedar.ts'
import { wallClock } from './plug-ins.ts'
import { plugInSchemas } from './registry-ports.ts'

type Checked =
  | { readonly revision: number; readonly lines: readonly PlannedChange[]; readonly cases: number }
  | { readonly problems: readonly Problem[] }

/** Checks a configuration folder by the same code as an authority does, as if nothing were registered yet. Reaches no target. */
export async function checkOffline(
  files: readonly ConfigurationFile[],
  variables: Readonly<Record<string, string>>,
): Promise<Checked> {
  const cedar = openCedar()
  const providers = credentialProviders()
  try {
    const checked = await applyConfiguration(
      { how: 'check', files, variables: new Map(Object.entries(variables)), by: 'offline' },
      {
        now: wallClock,
        schemas: plugInSchemas(providers),
        readPolicies: createReadPolicies(cedar),
        // No authority is asked, so its origin isn't known: whether audiences fit shows when it is applied.
        issuerOf: () => undefined,
        inspect: async () => [],
        documents: () => new Map(),
        revision: () => emptySnapshot().revision,
        refresh: async () => {},
        // A check commits nothing; were it ever to try, nothing would be there to take it.
        store: { commit: async () => ({ done: false, why: 'moved_on' }) },
      },
    )
    if (!checked.ok) return { problems: [] }
    return checked.value.accepted ? checked.value : { problems: checked.value.problems }
  } finally {
    await cedar.close()
    for (const provider of providers.values()) await provider.close?.()
  }
}
