import type { Decision } from '../core/policy/decision.ts'
import type { Refusal } from '../core/refusal.ts'
import type { Enforcement } from './enforcement.ts'

/** Writes down that the server behind asked something of the client, before the client hears of it; or why the client did not. */
export async function recordAsk(
  { point }: Pick<Enforcement, 'point'>,
  { id, request }: Pick<Decision, 'id' | 'request'>,
  method: string,
  refusal: Refusal | undefined,
): Promise<void> {
  const { chain, act, tenant, resource } = request
  await point.record({
    tenant,
    at: point.now(),
    kind: 'outcome',
    outcome: refusal ? 'deny' : 'done',
    reason: refusal?.reason ?? 'asks.passed',
    decision: id,
    agent: chain.agent,
    session: chain.session,
    resource,
    ...(act.kind === 'enter' ? {} : { tool: act.tool }),
    // A name that the server behind made up could be of any length, and hold anything.
    facts: { method: /^[a-z]+\/[A-Za-z_]{1,40}$/.test(method) ? method : 'other' },
  })
}
