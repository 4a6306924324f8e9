import type { AuditDraft } from '../core/audit/audit-event.ts'
import { sessionLife, tokenLife } from '../core/identity/agent.ts'
import type { PrincipalChain } from '../core/identity/principal-chain.ts'
import { type SessionId, splitAgentId } from '../core/ids.ts'
import type { Allow } from '../core/policy/decision.ts'
import { highestOf, isAbove } from '../core/policy/label.ts'
import type { Resource } from '../core/policy/resource.ts'
import { carriedLabel, sessionLabelName, sessionsOf } from '../core/policy/session-label.ts'
import type { ChangeDraft } from '../core/registry.ts'
import { type EpochSeconds, epochSeconds } from '../core/time.ts'
import type { AuthorityView } from './authority.ts'
import { windowEnd } from './open-session.ts'

export type Raised = { readonly events: readonly AuditDraft[]; readonly changes: readonly ChangeDraft[] }

/**
 * What to commit with the lease that lets a chain reach labelled data (ARCHITECTURE §4): each of its sessions that carries less gets
 * the label, those that handed it on too, since the answer goes back to them. Nothing where they carry it already. A view that is a
 * moment old writes it once more, which changes nothing.
 */
export function raiseLabels(
  view: AuthorityView,
  chain: PrincipalChain,
  resource: Resource,
  allow: Allow,
): Raised {
  const label = highestOf(resource.labels)
  const { sessionLabels } = view.tenant
  const rising = [...sessionsOf(chain)].filter((each) => isAbove(label, carriedLabel(sessionLabels, [each])))
  if (rising.length === 0) return { events: [], changes: [] }
  const until = untilOf(view, chain)
  const about = {
    tenant: view.name,
    at: view.at,
    kind: 'session',
    outcome: 'done',
    decision: allow.id,
  } as const
  const named = { agent: chain.agent, resource: resource.resource, revision: view.snapshot.revision }
  return {
    events: rising.map((session) => {
      const from = carriedLabel(sessionLabels, [session])
      return { ...about, ...named, session, reason: 'label.raised', facts: { label, from, until } }
    }),
    changes: rising.map((session: SessionId) => {
      const name = sessionLabelName(session, label)
      const doc = { 'session-label': name, session, label, until }
      return { tenant: view.name, kind: 'session-label', name, doc }
    }),
  }
}

/** When no token of any of these sessions is left: their windows are over, and so is what was issued before an agent's times changed. */
function untilOf(view: AuthorityView, chain: PrincipalChain): EpochSeconds {
  const ends: number[] = [chain.expires]
  for (const actor of chain.actors) {
    const agent = view.snapshot.tenants.get(splitAgentId(actor).home)?.agents.get(actor)
    if (agent) ends.push(windowEnd(sessionLife(agent), view.now), view.now + tokenLife(agent))
  }
  return epochSeconds(Math.max(...ends))
}
