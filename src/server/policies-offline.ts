import { excludeEachOther } from '../conditions/registry.ts'
import type { ApplyPorts } from '../core/apply-changes.ts'
import type { CaseResult } from '../core/policy/policy-case.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { credentialProviders } from '../credentials/registry.ts'
import { declaredSnapshot } from '../flows/configuration/declared-snapshot.ts'
import { lintConfiguration, type PlacedFinding } from '../flows/lint-configuration.ts'
import {
  type Configuration,
  type ConfigurationFile,
  type Problem,
  readConfiguration,
} from '../flows/read-configuration.ts'
import { createReadPolicies } from '../flows/read-policies.ts'
import { testPolicies } from '../flows/test-policies.ts'
import { openCedar } from '../lib/cedar/cedar.ts'
import { applyPorts } from './conditions.ts'
import { plugInSchemas } from './registry-ports.ts'

type Problems = { readonly problems: readonly Problem[] }
type Files = readonly ConfigurationFile[]
type Variables = Readonly<Record<string, string>>

/** A folder as an authority would decide from it, had it nothing else; or what is wrong with it. */
type ReadFolder =
  | Problems
  | { readonly read: Configuration; readonly snapshot: Snapshot; readonly ports: ApplyPorts }

async function readFolder(files: Files, variables: Variables): Promise<ReadFolder> {
  const cedar = openCedar()
  const providers = credentialProviders()
  try {
    const read = await readConfiguration(files, new Map(Object.entries(variables)), {
      schemas: plugInSchemas(providers),
      readPolicies: createReadPolicies(cedar),
      agentExists: () => false,
      // No authority is asked, so its origin isn't known: whether audiences fit shows when it is applied.
      issuerOf: () => undefined,
    })
    if (read.problems.length > 0) return { problems: read.problems }
    const ports = applyPorts()
    return { read, snapshot: declaredSnapshot(read.drafts, ports), ports }
  } finally {
    await cedar.close()
    for (const provider of providers.values()) await provider.close?.()
  }
}

/** Runs the cases of a folder against its own policies; reaches no authority and no target. */
export async function testPoliciesOffline(
  files: Files,
  variables: Variables,
): Promise<Problems | { readonly results: readonly CaseResult[] }> {
  const folder = await readFolder(files, variables)
  if ('problems' in folder) return folder
  const { read, snapshot, ports } = folder
  return { results: testPolicies(read.cases, snapshot, ports) }
}

/** Looks through a folder's policies for what their writer hardly meant. */
export async function lintPoliciesOffline(
  files: Files,
  variables: Variables,
): Promise<Problems | { readonly policies: number; readonly findings: readonly PlacedFinding[] }> {
  const folder = await readFolder(files, variables)
  if ('problems' in folder) return folder
  const { read, snapshot } = folder
  const policies = read.tenants.reduce((sum, { sources }) => sum + sources.length, 0)
  return { policies, findings: lintConfiguration(read.tenants, snapshot, excludeEachOther) }
}
