import type { AuditDraft } from '../src/core/audit/audit-event.ts'
import type { AgentId, DecisionId, Revision, SessionId, TenantName } from '../src/core/ids.ts'
import { epochMillis } from '../src/core/time.ts'

/** A decision as an authority or a gateway records it; what varies between them varies here. `decision` names it apart from all others. */
export function decisionDraft(tenants: readonly string[], decision: string, at: number): AuditDraft {
  const tenant = (tenants[at % tenants.length] ?? '') as TenantName
  const [resource, allowed] = [`orders-${at % 8}`, at % 10 > 0]
  return {
    tenant,
    at: epochMillis(Date.now()),
    kind: 'decision',
    outcome: allowed ? 'allow' : 'deny',
    reason: allowed ? 'allowed' : 'policy.no_permit',
    decision: decision as DecisionId,
    agent: `${tenant}/support-${at % 40}` as AgentId,
    session: `ses_${String(at % 997).padStart(16, '0')}` as SessionId,
    resource: `https://gateway.example/t/${tenant}/mcp/${resource}`,
    tool: `${resource}/get_order`,
    policies: [`${resource}.support-reads`, `${resource}.user-reads-own`],
    conditions: ['open-hours:holds', 'approved-network:holds'],
    revision: 123 as Revision,
    bearer: false,
    personal: { user: `user-${at % 500}@acme.example` },
  }
}
