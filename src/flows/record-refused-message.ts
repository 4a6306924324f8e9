import type { DecisionId } from '../core/ids.ts'
import type { Refusal } from '../core/refusal.ts'
import type { GatewayCaller } from './authenticate-at-gateway.ts'
import type { Enforcement } from './enforcement.ts'

/** Writes down what a caller who is known sent and what could not even be judged: one record, and nothing went to the server behind. */
export async function recordRefusedMessage(
  { point }: Enforcement,
  { target, access }: GatewayCaller,
  { reason }: Pick<Refusal, 'reason'>,
): Promise<void> {
  const { agent, session } = access.chain
  await point.record({
    tenant: target.tenant,
    at: point.now(),
    kind: 'decision',
    outcome: 'deny',
    reason,
    decision: point.newId('decision') as DecisionId,
    agent,
    session,
    resource: target.resource.resource,
    token: access.jti,
    revision: point.snapshot().revision,
  })
}
