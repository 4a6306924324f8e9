import { type Revision, splitAgentId } from '../core/ids.ts'
import { parseLink } from '../core/lifecycle/revocation.ts'
import type { Json } from '../core/policy/access-request.ts'
import type { Fact } from '../core/policy/condition.ts'
import { factName } from '../core/policy/facts-resource.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { type AuthorityView, requireFresh } from './authority.ts'
import { authenticateRecorded, callOf, refusedCallEvent } from './present-token.ts'
import { decisionEvent } from './record-decision.ts'
import type { PresentedToken } from './verify-access-token.ts'

export type FactAsk = {
  readonly presented: PresentedToken
  /** What the fact is about, as a link: `agent:operator/pipeline`, `key:<thumbprint>`, `session:ses_…`. */
  readonly subject: string
  readonly says: string
  readonly address: string
}

/**
 * Takes a posture fact from an attested workload that policy lets report it. The source is the reporting agent's name: nobody can
 * report under another's. The fact is a change like any other, so every gateway has it within the same push.
 */
export async function reportFact(
  view: AuthorityView,
  ask: FactAsk,
): Promise<Result<{ readonly revision: Revision }, Refusal>> {
  requireFresh(view.ports)
  const caller = await authenticateRecorded(view, ask.presented, 'facts')
  if (!caller.ok) return caller
  const subject = parseLink(ask.subject)
  if (!subject) {
    const refusal = refuse('malformed', 'fact.subject', 'A fact is about a link, such as agent:tenant/name.')
    await view.ports.store.commit({ events: [refusedCallEvent(view, caller.value, refusal)] })
    return err(refusal)
  }
  const input: Json = { subject, says: ask.says }
  const decision = await view.ports.decide(
    callOf(view, caller.value, 'report', input, ask.address),
    view.snapshot,
    view.at,
  )
  const event = decisionEvent(view, decision)
  if (decision.outcome !== 'allow') {
    await view.ports.store.commit({ events: [event] })
    return err(decision.refusal)
  }
  const fact = factOf(subject, splitAgentId(caller.value.access.chain.agent).agent, ask.says, view.at)
  const { jti, once, chain } = caller.value.access
  const written = await view.ports.store.commit({
    events: [
      event,
      {
        ...event,
        kind: 'fact',
        outcome: 'done',
        reason: 'fact.reported',
        facts: { source: fact.source, subject, says: ask.says },
      },
    ],
    changes: [{ tenant: view.name, kind: 'fact', name: fact.fact, doc: fact }],
    ...(once ? { spend: { tenant: view.name, key: `once:${jti}`, expires: chain.expires } } : {}),
  })
  if (!written.done)
    return err(refuse('stale', 'token.spent', 'This token was good for one use, and was used.'))
  await view.ports.refresh()
  return ok({ revision: written.revision })
}

function factOf(subject: string, source: string, says: string, at: number): Fact {
  return { fact: factName(subject, source), subject, source, says, at }
}
