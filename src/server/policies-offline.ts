import { excludeEachOther } from '../conditions/registry.ts'
import type { ApplyPorts } from '../core/apply-changes.ts'
import type { CaseResult } from '../core/policy/policy-case.ts'
import type { PolicyDiff, RecordedDecision } from '../core/policy/policy-diff.ts'
import type { ChangeDraft } from '../core/registry.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { credentialProviders } from '../credentials/registry.ts'
import { declaredSnapshot } from '../flows/configuration/declared-snapshot.ts'
import { type DiffSide, diffPolicies } from '../flows/diff-policies.ts'
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
  const policies = read.tenants.reduce(
    (sum, { declared, sources }) => sum + sources.length + (declared.by.get('policy')?.size ?? 0),
    0,
  )
  return { policies, findings: lintConfiguration(read.tenants, snapshot, excludeEachOther) }
}

/** A side of a comparison: a folder, or the documents of an authority as it runs. */
export type DiffSource = { readonly files: Files } | { readonly documents: readonly ChangeDraft[] }

/** Compares what two sides answer to the cases of both and to what was recorded. */
export async function diffPoliciesOffline(
  before: DiffSource,
  after: DiffSource,
  recorded: readonly RecordedDecision[],
  variables: Variables,
): Promise<Problems | { readonly diff: PolicyDiff }> {
  const sides: DiffSide[] = []
  const ports = applyPorts()
  for (const source of [before, after]) {
    const side = await sideOf(source, variables, ports)
    if ('problems' in side) return side
    sides.push(side)
  }
  const [first, second] = sides
  if (first === undefined || second === undefined) return { problems: [] }
  return { diff: diffPolicies(first, second, recorded, ports) }
}

async function sideOf(
  source: DiffSource,
  variables: Variables,
  ports: ApplyPorts,
): Promise<Problems | DiffSide> {
  if ('documents' in source) return { snapshot: declaredSnapshot(source.documents, ports), cases: [] }
  const folder = await readFolder(source.files, variables)
  return 'problems' in folder ? folder : { snapshot: folder.snapshot, cases: folder.read.cases }
}
