import type { Verdict } from '../../flows/judge-evaluation.ts'
import type { FoundPage } from '../../flows/search-access.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import type { AnswerShape } from './questions.ts'

type Json = Readonly<Record<string, unknown>>

/** Authorization API 1.0 §6.2, §7.2. A no is a good answer: 200 and `false`. */
export function decisionsAnswer(verdicts: readonly Verdict[], { batch, explain }: AnswerShape): DoorResponse {
  const decisions = verdicts.map((verdict) => decisionOf(verdict, explain))
  return { status: 200, json: batch ? { evaluations: decisions } : decisions[0] }
}

function decisionOf(verdict: Verdict, explain: boolean): Json {
  const decision = verdict.outcome === 'allow'
  const context = contextOf(verdict, explain)
  return Object.keys(context).length > 0 ? { decision, context } : { decision }
}

/**
 * §5.5.1: why, for those who asked for it: the stable reason for administrators, the sentence for the user, the id by which the audit has
 * all of it. What could not be read is said without being asked (§7.2.1).
 */
function contextOf({ id, outcome, reason, says }: Verdict, explain: boolean): Json {
  const unread = reason === 'evaluation.body' ? { error: { status: 400, message: says } } : {}
  if (!explain) return unread
  if (outcome === 'allow') return { id }
  const forUser = says === undefined ? {} : { reason_user: { 403: says } }
  return { id, ...unread, reason_admin: { 403: reason }, ...forUser }
}

/** §8.3. `page` comes first, and always, so that its end can be told from an answer without pages. */
export function searchAnswer({ found, next }: FoundPage): DoorResponse {
  return { status: 200, json: { page: { next_token: next, count: found.length }, results: found } }
}
