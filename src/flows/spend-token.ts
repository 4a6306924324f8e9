import type { CredentialAsk } from '../core/enforcement.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { AuthorityPorts } from './authority.ts'
import type { AuthorizedGateway } from './authorize-gateway.ts'
import { judgeAgain } from './judge-again.ts'
import { SPENT, spendOf } from './open-lease.ts'
import { decisionEvent } from './record-decision.ts'

/** Spends a single-use token, for a call that needs no new credential: ok exactly once, at whichever authority. `token.spent` after that. */
export async function spendToken(
  ports: AuthorityPorts,
  gateway: AuthorizedGateway,
  ask: CredentialAsk,
): Promise<Result<void, Refusal>> {
  const judged = await judgeAgain(ports, gateway, ask)
  if (!judged.ok) return judged
  const { view, caller, permitted, facts } = judged.value
  if (!caller.access.once) {
    return err(
      refuse('malformed', 'token.not_once', 'This token is not for a single use: there is nothing to spend.'),
    )
  }
  const event = { ...decisionEvent(view, permitted.decision), facts }
  const written = await view.ports.store.commit({ events: [event], ...spendOf(view, caller) })
  if (written.done) return ok(undefined)
  const refused = { ...event, outcome: 'deny', reason: SPENT.reason } as const
  await view.ports.store.commit({ events: [refused] })
  return err(SPENT)
}
