import type { AuditDraft } from '../core/audit/audit-event.ts'
import type { DecisionId, TenantName } from '../core/ids.ts'
import type { EnginesDiffer } from '../core/policy/ask-again.ts'
import type { Decision } from '../core/policy/decision.ts'
import type { EpochMillis } from '../core/time.ts'
import type { AuthorizedGateway } from './authorize-gateway.ts'
import type { Doubt } from './quarantine-policies.ts'
import type { EngineCounts } from './second-engine.ts'

/** What a gateway saw and has to tell its authority. */
export type SeenDoubt = Omit<Doubt, 'noticed'>
export type EngineReport = { readonly counts: EngineCounts; readonly doubts: readonly SeenDoubt[] }

/** One process that decides, and how its engine fared since it started. */
export type EngineLine = EngineCounts & {
  readonly role: 'authority' | 'gateway'
  readonly gateway?: string
  readonly instance?: string
}

/** What this authority knows of the engines: its own counts, and what each gateway last told it. */
export type EngineReports = {
  readonly take: (gateway: AuthorizedGateway, counts: EngineCounts) => void
  readonly lines: () => readonly EngineLine[]
}

const MOST_GATEWAYS = 1000

export function createEngineReports(own: () => EngineCounts): EngineReports {
  const last = new Map<string, EngineLine>()
  return {
    take({ gateway: { gateway }, instance }, counts) {
      const key = `${gateway} ${instance}`
      const [oldest] = last.keys()
      // Instances come and go under new names.
      if (oldest !== undefined && last.size >= MOST_GATEWAYS && !last.has(key)) last.delete(oldest)
      last.set(key, { role: 'gateway', gateway, instance, ...counts })
    },
    lines: () => [{ role: 'authority', ...own() }, ...last.values()],
  }
}

/** The alarm: two engines differ on this call. Of another tenant, an agent's home, no policy is named. */
export function differEvent(
  { id, request, revision }: Decision,
  differences: readonly EnginesDiffer[],
  at: EpochMillis,
): AuditDraft {
  const { tenant, chain, resource, act } = request
  const own = differences.filter((each) => each.tenant === tenant)
  return {
    tenant,
    at,
    kind: 'alarm',
    outcome: 'failed',
    reason: 'policy.engines_differ',
    decision: id,
    agent: chain.agent,
    session: chain.session,
    resource,
    ...(act.kind === 'enter' ? {} : { tool: act.tool }),
    policies: [...new Set(own.flatMap(({ policies }) => policies))].slice(0, MOST_POLICIES),
    revision,
    facts: { says: differences.map(({ principal, says }) => `${principal}: ${says}`).join('; ') },
  }
}

/** One doubt for each tenant whose policies are concerned: a guest's home has its own. */
export function doubtsOf({ id }: Decision, differences: readonly EnginesDiffer[]): readonly SeenDoubt[] {
  const byTenant = Map.groupBy(differences, ({ tenant }) => tenant)
  return [...byTenant].map(([tenant, found]) => ({
    tenant: tenant as TenantName,
    policies: [...new Set(found.flatMap(({ policies }) => policies))].slice(0, MOST_POLICIES),
    decision: id as DecisionId,
    says: found.map(({ principal, says }) => `${principal}: ${says}`).join('; '),
  }))
}

/** Policies of one doubt; a decision that differs on more shows a fault of the engine, not of policies. */
export const MOST_POLICIES = 16
