import { AUTHZEN_RESOURCE } from '../core/policy/authzen-resource.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { inTurns } from '../lib/in-turns.ts'
import type { Evaluation } from './asked-resource.ts'
import { type AuthorityView, requireFresh } from './authority.ts'
import { type Asker, judgeEvaluation, refusedVerdict, type Verdict } from './judge-evaluation.ts'
import { spendOf } from './open-lease.ts'
import { authenticateRecorded, refusedCallEvent } from './present-token.ts'
import type { PresentedToken } from './verify-access-token.ts'

/** What an enforcement point shows, from where, and what it asks, as far as that could be read. */
export type AskerAsk<Asked> = {
  readonly presented: PresentedToken
  readonly address: string
  readonly asked: Result<Asked, Refusal>
}

/** Questions in order; one that can't be read is a no of its own. `until`: the outcome after which no more are asked. */
export type Evaluations = {
  readonly each: readonly Result<Evaluation, Refusal>[]
  readonly until?: 'allow' | 'deny'
}

/**
 * Answers an enforcement point's questions (AuthZEN Authorization API 1.0 §6, §7), each by itself and as if it were asked alone. All of
 * them are recorded in one commit, before the first is answered.
 */
export async function evaluateAccess(
  view: AuthorityView,
  ask: AskerAsk<Evaluations>,
): Promise<Result<readonly Verdict[], Refusal>> {
  const asker = await knownAsker(view, ask)
  if (!asker.ok) return asker
  const { each, until } = asker.value.asked
  const verdicts: Verdict[] = []
  await inTurns(each, async (one) => {
    const verdict = one.ok
      ? await judgeEvaluation(view, asker.value, one.value)
      : refusedVerdict(view, asker.value, undefined, AUTHZEN_RESOURCE, one.error)
    verdicts.push(verdict)
    return until === undefined || (verdict.outcome === 'allow') !== (until === 'allow')
  })
  const recorded = await record(
    view,
    asker.value,
    verdicts.map(({ event }) => event),
  )
  return recorded.ok ? ok(verdicts) : recorded
}

/**
 * The asker by its access token, whose one audience is the tenant's own resource `authzen`; only then what it asks is looked at. What a
 * known asker sent that can't be read is recorded as its refusal.
 */
export async function knownAsker<Asked>(
  view: AuthorityView,
  { presented, address, asked }: AskerAsk<Asked>,
): Promise<Result<Asker & { readonly asked: Asked }, Refusal>> {
  requireFresh(view.ports)
  const caller = await authenticateRecorded(view, presented, AUTHZEN_RESOURCE)
  if (!caller.ok) return caller
  if (asked.ok) return ok({ ...caller.value, address, asked: asked.value })
  await view.ports.store.commit({ events: [refusedCallEvent(view, caller.value, asked.error)] })
  return asked
}

/** Writes down what is about to be answered, and spends a token that was good for one use. */
export async function record(
  view: AuthorityView,
  asker: Asker,
  events: readonly Verdict['event'][],
): Promise<Result<void, Refusal>> {
  const written = await view.ports.store.commit({ events, ...spendOf(view, asker) })
  if (written.done) return ok(undefined)
  return err(refuse('stale', 'token.spent', 'This token was good for one use, and was used.'))
}
