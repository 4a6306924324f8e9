import type { AuditDraft } from '../core/audit/audit-event.ts'
import type { CredentialProviderSettings } from '../core/credential/credential.ts'
import type { Revision, TenantName } from '../core/ids.ts'
import type { Resource } from '../core/policy/resource.ts'
import type { Refusal } from '../core/refusal.ts'
import type { ChangeDraft } from '../core/registry.ts'
import { ok, type Result } from '../core/result.ts'
import type { EpochMillis } from '../core/time.ts'
import { type Plan, type PlannedChange, planChanges } from './configuration/plan.ts'
import {
  agentExistsIn,
  commitPlanned,
  inspectTargets,
  type RegistryPorts,
  type TargetFinding,
  type WrittenBy,
} from './configuration/registry-writing.ts'
import { type ConfigurationFile, type Problem, readConfiguration } from './read-configuration.ts'

/** `check` reads and judges; `plan` also looks at the targets and says what would change; `apply` changes it. */
export type ConfigurationAsk = WrittenBy & {
  readonly how: 'check' | 'plan' | 'apply'
  readonly files: readonly ConfigurationFile[]
  readonly variables: ReadonlyMap<string, string>
}

/** `accepted`: what would change or was changed, and the registry's revision. Otherwise why not, and nothing was changed. */
export type ConfigurationOutcome =
  | {
      readonly accepted: true
      readonly revision: Revision
      readonly lines: readonly PlannedChange[]
      /** How many cases stand beside the policies; they were checked, not run. */
      readonly cases: number
    }
  | {
      readonly accepted: false
      readonly problems: readonly Problem[]
      readonly findings: readonly TargetFinding[]
    }

/**
 * Checks, plans or applies a configuration folder against the registry: read as a whole, targets inspected, then one commit with an
 * audit event for each tenant. Refuses `registry.moved_on`; throws Unavailable when the store can't answer.
 */
export async function applyConfiguration(
  ask: ConfigurationAsk,
  ports: RegistryPorts,
): Promise<Result<ConfigurationOutcome, Refusal>> {
  await ports.refresh()
  const reading = { ...ports, agentExists: agentExistsIn(ports.documents()) }
  const { drafts, problems, cases: found } = await readConfiguration(ask.files, ask.variables, reading)
  if (problems.length > 0) return ok({ accepted: false, problems, findings: [] })
  if (ask.files.length > 0 && drafts.length === 0)
    return ok({ accepted: false, problems: [nothingDeclared(ask.files)], findings: [] })
  const cases = found.length
  const plan = () => planChanges(drafts, ports.documents().values())
  const asItIs = () => ok({ accepted: true, revision: ports.revision(), lines: plan().lines, cases } as const)
  if (ask.how === 'check') return asItIs()
  const findings = await inspectTargets(ports.inspect, targetsOf(drafts))
  if (findings.length > 0) return ok({ accepted: false, problems: [], findings })
  if (ask.how === 'plan') return asItIs()
  const committed = await commitPlanned(ports, () => {
    const planned = plan()
    return ok({ write: writeOf(planned, ask.by, ports.now()), lines: planned.lines })
  })
  if (!committed.ok) return committed
  const { revision, lines } = committed.value
  return ok({ accepted: true, revision, lines, cases })
}

/** A folder without any declaration would be taken for one that changes nothing. */
function nothingDeclared(files: readonly ConfigurationFile[]): Problem {
  const path = files[0]?.path ?? ''
  const says = 'nothing is declared in these files: a tenant starts with `tenant:` in a .yaml file'
  return { path, line: 1, column: 1, code: 'configuration.empty', says }
}

function targetsOf(drafts: readonly ChangeDraft[]) {
  const settings = new Map<string, CredentialProviderSettings>()
  const key = (tenant: TenantName, name: string) => `${tenant}/${name}`
  for (const draft of drafts)
    if (draft.kind === 'credential' && draft.doc) settings.set(key(draft.tenant, draft.name), draft.doc)
  return drafts.flatMap((draft) => {
    const resource: Resource | null = draft.kind === 'resource' ? draft.doc : null
    const found = resource?.credential && settings.get(key(draft.tenant, resource.credential.provider))
    return resource && found ? [{ tenant: draft.tenant, resource, settings: found }] : []
  })
}

function writeOf(plan: Plan, by: string, at: EpochMillis) {
  if (plan.changes.length === 0) return undefined
  const tenants = [...new Set(plan.lines.map(({ tenant }) => tenant))]
  return { changes: plan.changes, events: tenants.map((tenant) => eventOf(tenant, plan.lines, by, at)) }
}

function eventOf(
  tenant: TenantName,
  lines: readonly PlannedChange[],
  by: string,
  at: EpochMillis,
): AuditDraft {
  const count = (how: PlannedChange['how']) =>
    lines.filter((line) => line.tenant === tenant && line.how === how).length
  return {
    tenant,
    at,
    kind: 'admin',
    outcome: 'done',
    reason: 'configuration.applied',
    personal: { user: by },
    facts: { added: count('add'), changed: count('change'), removed: count('remove') },
  }
}
