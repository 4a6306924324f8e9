import type { AuditDraft } from '../core/audit/audit-event.ts'
import type { Decision, Explanation } from '../core/policy/decision.ts'
import type { AuthorityView } from './authority.ts'

/** A decision as the audit keeps it: who, for whom, what, by which policies and conditions, at which revision. Arguments only by name. */
export function decisionEvent(
  view: Pick<AuthorityView, 'name' | 'at' | 'tenant'>,
  decision: Decision,
): AuditDraft {
  const { request, explanation } = decision
  const { chain, act } = request
  const user = chain.user === undefined ? undefined : (view.tenant.users.get(chain.user)?.user ?? chain.user)
  return {
    tenant: view.name,
    at: view.at,
    kind: 'decision',
    outcome: decision.outcome,
    reason: decision.reason,
    decision: decision.id,
    agent: chain.agent,
    session: chain.session,
    resource: request.resource,
    ...(act.kind === 'enter' ? {} : { tool: act.tool }),
    ...lookedAt(explanation),
    revision: decision.revision,
    bearer: chain.jkt === undefined,
    ...(user === undefined ? {} : { personal: { user } }),
  }
}

/** The policies and conditions that a decision looked at, as an event names them. */
export function lookedAt({ sides, conditions }: Explanation): {
  readonly policies: readonly string[]
  readonly conditions: readonly string[]
} {
  const policies: string[] = []
  for (const side of sides) policies.push(...side.policies)
  return { policies, conditions: conditions.map(({ name, state }) => `${name}:${state}`) }
}
