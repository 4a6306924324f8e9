import type { CredentialProviderSettings } from '../../core/credential/credential.ts'
import { type Documents, documentKey } from '../../core/documents.ts'
import { type AgentId, type Revision, splitAgentId, type TenantName } from '../../core/ids.ts'
import type { Resource } from '../../core/policy/resource.ts'
import type { Store, Write } from '../../core/ports.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import type { Clock } from '../../core/time.ts'
import type { ReadingPorts } from '../read-configuration.ts'

/** Something wrong with a resource's target, and the commands that put it right; a credential provider found it. */
export type TargetFinding = {
  readonly tenant: TenantName
  readonly resource: string
  readonly code: string
  readonly says: string
  readonly remedy: readonly string[]
}

/** Looks at a resource's target through its credential provider; nothing when that provider has nothing to look at. */
export type InspectTarget = (
  tenant: TenantName,
  resource: Resource,
  settings: CredentialProviderSettings,
) => Promise<readonly Omit<TargetFinding, 'tenant' | 'resource'>[]>

/** What writing the registry stands on; filled by whoever composes the authority. */
export type RegistryPorts = {
  readonly now: Clock
  readonly schemas: ReadingPorts['schemas']
  readonly readPolicies: ReadingPorts['readPolicies']
  readonly issuerOf: ReadingPorts['issuerOf']
  readonly inspect: InspectTarget
  /** The registry as it was last read; `revision` is the newest commit that `documents` holds. */
  readonly documents: () => Documents
  readonly revision: () => Revision
  readonly refresh: () => Promise<void>
  readonly store: Pick<Store, 'commit'>
}

/** Who writes, for the audit: an administrator's `sub`, or `local` over the socket. */
export type WrittenBy = { readonly by: string }

export function agentExistsIn(documents: Documents): ReadingPorts['agentExists'] {
  return (id: AgentId) => {
    const { home, agent } = splitAgentId(id)
    const found = documents.get(documentKey(home, 'agent', agent))
    return found !== undefined && found.doc !== null
  }
}

const TRIES = 5

/**
 * Commits what `plan` makes of the registry as it is now. When somebody else's commit comes between, it is planned anew; facts and
 * revocations are commits too, so that happens. Nothing planned (`undefined`) commits nothing. Refuses as `plan`, and
 * `registry.moved_on` when others keep coming first. Afterwards the registry in this process has the commit.
 */
export async function commitPlanned<T extends { readonly write: Omit<Write, 'ifRevision'> | undefined }>(
  ports: RegistryPorts,
  plan: () => Result<T, Refusal>,
): Promise<Result<T & { readonly revision: Revision }, Refusal>> {
  for (let tries = 0; tries < TRIES; tries++) {
    const ifRevision = ports.revision()
    const planned = plan()
    if (!planned.ok) return planned
    const { write } = planned.value
    if (write === undefined) return ok({ ...planned.value, revision: ifRevision })
    const written = await ports.store.commit({ ...write, ifRevision })
    await ports.refresh()
    if (written.done) return ok({ ...planned.value, revision: written.revision })
  }
  return err(refuse('limited', 'registry.moved_on', 'Others keep changing the registry; try again.'))
}

/** Findings of several targets at once. A target that can't be looked at is a finding too: what it lets anyone do is unknown. */
export async function inspectTargets(
  inspect: InspectTarget,
  targets: readonly {
    readonly tenant: TenantName
    readonly resource: Resource
    readonly settings: CredentialProviderSettings
  }[],
): Promise<readonly TargetFinding[]> {
  const found = await Promise.all(
    targets.map(async ({ tenant, resource, settings }) => {
      const findings = await inspect(tenant, resource, settings).catch((error: unknown) => [
        unreachable(error),
      ])
      return findings.map((finding) => ({ tenant, resource: resource.resource, ...finding }))
    }),
  )
  return found.flat()
}

/** Only the error's code is told: a message may quote the login it was tried with. */
function unreachable(error: unknown): Omit<TargetFinding, 'tenant' | 'resource'> {
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
  return { code: 'credential.unreachable', says: `its target can't be looked at${code}`, remedy: [] }
}
