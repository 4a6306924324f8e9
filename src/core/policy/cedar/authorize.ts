import type { CedarRequest } from './compile.ts'
import type { Entities } from './entities.ts'
import { wrongType } from './operators.ts'
import type { CedarPolicy, Clause } from './policy.ts'
import { FALSE, type Failure, type Outcome, TRUE, UNKNOWN } from './value.ts'

/** What one policy comes to for one request; `unknown` only where the context holds an unknown. */
export type PolicyOutcome = 'satisfied' | 'unsatisfied' | 'unknown' | { readonly error: Failure }

/** Cedar's answer. `determining` are the policies that decided; `erroring` those that were skipped. */
export type CedarAnswer = {
  readonly decision: 'allow' | 'deny'
  readonly determining: readonly string[]
  readonly erroring: readonly string[]
}

/**
 * Judges one policy: its scope first, then each clause in order, as Cedar does. After an unknown a later clause can
 * still make it unsatisfied.
 */
export function evaluatePolicy(
  policy: CedarPolicy,
  request: CedarRequest,
  entities: Entities,
): PolicyOutcome {
  return policy.inScope(request, entities) ? evaluateClauses(policy, request, entities) : 'unsatisfied'
}

/** Judges the clauses of a policy that is known to have the request in its scope. */
export function evaluateClauses(
  policy: CedarPolicy,
  request: CedarRequest,
  entities: Entities,
): PolicyOutcome {
  let open = false
  for (const clause of policy.clauses) {
    const outcome = evaluateClause(clause, request, entities)
    if (outcome.kind === 'unknown') open = true
    else if (outcome.kind === 'bool') {
      if (!outcome.value) return 'unsatisfied'
    } else if (open) return 'unknown'
    else return { error: outcome.kind === 'failure' ? outcome : wrongType(clause.kind, 'bool', outcome) }
  }
  return open ? 'unknown' : 'satisfied'
}

/** Whether a clause holds: all parts of a `when` are true, all parts of an `unless` are false. */
function evaluateClause(clause: Clause, request: CedarRequest, entities: Entities): Outcome {
  const wanted = clause.kind === 'when'
  let open = false
  for (const part of clause.parts) {
    const value = part.run(request, entities)
    if (value.kind === 'bool') {
      if (value.value !== wanted) return FALSE
    } else if (value.kind === 'unknown') open = true
    else if (open) return UNKNOWN
    else return value
  }
  return open ? UNKNOWN : TRUE
}

/**
 * Cedar's own decision over complete requests: default deny, forbid wins, a policy that errors is skipped and listed.
 * That skipping would let an erroring `forbid` allow, so a Decision denies on any error on top of this.
 * An unknown counts here as not satisfied; use `evaluatePolicy` where the context isn't complete.
 */
export function authorize(
  policies: Iterable<CedarPolicy>,
  request: CedarRequest,
  entities: Entities,
): CedarAnswer {
  const permits: string[] = []
  const forbids: string[] = []
  const erroring: string[] = []
  for (const policy of policies) {
    const outcome = evaluatePolicy(policy, request, entities)
    if (outcome === 'satisfied') (policy.effect === 'permit' ? permits : forbids).push(policy.id)
    else if (typeof outcome === 'object') erroring.push(policy.id)
  }
  const allowed = permits.length > 0 && forbids.length === 0
  return { decision: allowed ? 'allow' : 'deny', determining: allowed ? permits : forbids, erroring }
}
