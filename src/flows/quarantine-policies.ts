import type { AuditDraft } from '../core/audit/audit-event.ts'
import type { DecisionId, Revision, TenantName } from '../core/ids.ts'
import { MOST_QUARANTINED } from '../core/policy/quarantine.ts'
import type { Store } from '../core/ports.ts'
import { type Refusal, refuse, Unavailable } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { Clock } from '../core/time.ts'

export type QuarantinePorts = {
  readonly store: Pick<Store, 'commit'>
  readonly snapshot: () => Snapshot
  readonly refresh: () => Promise<void>
  readonly now: Clock
}

/** That two engines differ on policies of a tenant. `says` is what each made of them; `noticed` names who saw it, for the audit. */
export type Doubt = {
  readonly tenant: TenantName
  readonly policies: readonly string[]
  readonly decision: DecisionId
  readonly says: string
  readonly noticed: NonNullable<AuditDraft['facts']>
}

/**
 * Puts policies in quarantine: from this revision on they allow only what both engines allow, at every authority and gateway, until a
 * person lifts it. Names that the tenant has no policy of, and policies that are in it already, are left out. Refuses
 * `quarantine.full` when a tenant would have more than `MOST_QUARANTINED`, which is recorded as an alarm too.
 */
export async function quarantinePolicies(
  ports: QuarantinePorts,
  doubt: Doubt,
): Promise<Result<{ readonly revision: Revision; readonly policies: readonly string[] }, Refusal>> {
  const { tenant, decision, says, noticed } = doubt
  const snapshot = ports.snapshot()
  const known = snapshot.tenants.get(tenant)
  if (!known) return err(refuse('unknown', 'tenant.unknown', 'There is no such tenant.'))
  const policies = [...new Set(doubt.policies)].filter(
    (name) => known.policies.byName.has(name) && !known.quarantine.has(name),
  )
  if (policies.length === 0) return ok({ revision: snapshot.revision, policies })
  const at = ports.now()
  const event = { tenant, at, kind: 'alarm', decision, policies: policies.slice(0, 256) } as const
  const facts = { ...noticed, says }
  if (known.quarantine.size + policies.length > MOST_QUARANTINED) {
    await ports.store.commit({ events: [{ ...event, outcome: 'failed', reason: FULL.reason, facts }] })
    return err(FULL)
  }
  const written = await ports.store.commit({
    events: [{ ...event, outcome: 'done', reason: 'policy.quarantined', facts }],
    changes: policies.map((name) => ({
      tenant,
      kind: 'quarantine',
      name,
      doc: { quarantine: name, at, decision, says: says.slice(0, 500) },
    })),
  })
  if (!written.done) throw new Unavailable('store.conflict', 'the quarantine was not committed')
  await ports.refresh()
  return ok({ revision: written.revision, policies })
}

const FULL = refuse(
  'limited',
  'quarantine.full',
  `A tenant has at most ${MOST_QUARANTINED} policies in quarantine; somebody must look at them first.`,
)

export type LiftAsk = {
  readonly tenant: TenantName
  readonly policy: string
  readonly reason: string
  /** The person who has looked, as the audit names them. */
  readonly by: string
}

/** A person has looked: the policy counts again by one engine. Refuses `tenant.unknown` and `quarantine.none`. */
export async function liftQuarantine(
  ports: QuarantinePorts,
  { tenant, policy, reason, by }: LiftAsk,
): Promise<Result<{ readonly policy: string; readonly revision: Revision }, Refusal>> {
  const known = ports.snapshot().tenants.get(tenant)
  if (!known) return err(refuse('unknown', 'tenant.unknown', 'There is no such tenant.'))
  const found = known.quarantine.get(policy)
  if (!found) return err(refuse('unknown', 'quarantine.none', 'No such policy is in quarantine.'))
  const event = { tenant, at: ports.now(), kind: 'admin', outcome: 'done' } as const
  const facts = { policy, why: reason.slice(0, 200), since: found.at, showed: found.decision }
  const written = await ports.store.commit({
    events: [{ ...event, reason: 'quarantine.lifted', facts, personal: { user: by } }],
    changes: [{ tenant, kind: 'quarantine', name: policy, doc: null }],
  })
  if (!written.done) throw new Unavailable('store.conflict', 'the change was not committed')
  await ports.refresh()
  return ok({ policy, revision: written.revision })
}
