/** Snapshots of the registries in `decide-world.ts`, built as a gateway builds its own: in batches of changes that came over a wire. */
import { setImmediate as pause } from 'node:timers/promises'
import { policyToJson } from '@cedar-policy/cedar-wasm/nodejs'
import { applyChanges } from '../src/core/apply-changes.ts'
import type { TenantName } from '../src/core/ids.ts'
import type { Change } from '../src/core/registry.ts'
import { ok } from '../src/core/result.ts'
import { emptySnapshot, type Snapshot } from '../src/core/snapshot.ts'
import {
  agentChange,
  change,
  delegationChange,
  groundOf,
  policyText,
  type Size,
  shareOf,
  tenantAt,
} from './decide-world.ts'

/** The only condition is about the time, and it holds. */
export const PORTS = {
  conditionTest: () => ok(() => ({ state: 'holds' as const, fact: 'it is noon', ageSeconds: 0 })),
}
const BATCH = 1000

/** The snapshot with what `make` gives for each number below `count`. */
async function add(from: Snapshot, count: number, make: (at: number) => Change): Promise<Snapshot> {
  let snapshot = from
  for (let at = 0; at < count; at += BATCH) {
    const changes = Array.from({ length: Math.min(BATCH, count - at) }, (_, n) => make(at + n))
    snapshot = applyChanges(snapshot, changes, PORTS)
    await pause()
  }
  return snapshot
}

const forms = new Map<string, string>()

/** A policy as `apply` stores it. Texts of equal numbers are equal in every tenant, so each is parsed once. */
export function policyChange(tenant: TenantName, at: number, size: Size, revision = 1): Change {
  const text = policyText(at, shareOf(size))
  const est = forms.get(text) ?? estOf(text)
  forms.set(text, est)
  const effect = text.startsWith('permit') ? 'permit' : 'forbid'
  return change(tenant, 'policy', `policy-${at}`, { policy: `policy-${at}`, effect, text, est }, revision)
}

function estOf(text: string): string {
  const parsed = policyToJson(text)
  if (parsed.type !== 'success') throw new Error(`${text}: ${JSON.stringify(parsed.errors)}`)
  return JSON.stringify(parsed.json)
}

/** What `countFrom` is called with between the parts, for who measures them. */
export type Parts = 'ground' | 'delegations' | 'agents' | 'policies'

/** Everything of a world. `after` is told what was added last. */
export async function buildRegistry(
  size: Size,
  after: (part: Parts, snapshot: Snapshot) => void = () => {},
): Promise<Snapshot> {
  const share = shareOf(size)
  const tenants = Array.from({ length: size.tenants }, (_, at) => tenantAt(at))
  let snapshot = emptySnapshot()
  const each = async (part: Parts, next: (tenant: TenantName) => Promise<Snapshot>) => {
    for (const tenant of tenants) snapshot = await next(tenant)
    after(part, snapshot)
  }
  await each('ground', async (tenant) => {
    const ground = [...groundOf(tenant, size)]
    return add(snapshot, ground.length, (at) => ground[at] ?? change(tenant, 'tenant', tenant, null))
  })
  await each('delegations', (tenant) =>
    add(snapshot, share.agents, (at) => delegationChange(tenant, at, share)),
  )
  await each('agents', (tenant) => add(snapshot, share.agents, (at) => agentChange(tenant, at, share)))
  await each('policies', (tenant) => add(snapshot, share.policies, (at) => policyChange(tenant, at, size)))
  forms.clear()
  const broken = [...snapshot.tenants.values()].find((tenant) => tenant.broken !== undefined)
  if (broken) throw new Error(`the bench's registry is broken: ${broken.broken}`)
  return snapshot
}
