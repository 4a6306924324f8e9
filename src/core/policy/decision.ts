import type { DecisionId, Revision } from '../ids.ts'
import type { Refusal } from '../refusal.ts'
import type { AccessRequest } from './access-request.ts'
import type { EngineQuestion } from './both-engines.ts'
import type { ConditionResult } from './condition.ts'

/**
 * One side of the question: which policies decided for the agent or for the user. `home` stands for the forbids of an admitted
 * agent's home; its policies are not named here, since they are another tenant's.
 */
export type Side = {
  readonly principal: 'agent' | 'user' | 'home'
  /**
   * `depends`: on the input, which is not known when a tool is listed or a resource entered. `quarantined`: on what the second engine
   * says of a policy in quarantine.
   */
  readonly outcome: 'permitted' | 'depends' | 'forbidden' | 'no_permit' | 'error' | 'quarantined'
  /** The determining policies: the permits, or the forbids, that decided; the permits that it depends on. */
  readonly policies: readonly string[]
  /** Policies whose evaluation failed; a single one of them denies. */
  readonly erring: readonly string[]
}

/** Why not, or why: everything `explain`, the audit and the sentence for a person are made of. */
export type Explanation = {
  readonly sides: readonly Side[]
  readonly conditions: readonly ({ readonly name: string } & ConditionResult)[]
  readonly delegation?: string
}

type Judged = {
  readonly id: DecisionId
  readonly request: AccessRequest
  /** The snapshot that decided. */
  readonly revision: Revision
  readonly explanation: Explanation
}

declare const allowed: unique symbol

/** Only `decide` makes one: a credential can be issued for nothing else. */
export type Allow = Judged & {
  readonly outcome: 'allow'
  readonly reason: 'allowed'
  readonly [allowed]: true
}
/** `unasked`: what the second engine must be asked before this could be anything but a no. */
export type Deny = Judged & {
  readonly outcome: 'deny'
  readonly reason: string
  readonly refusal: Refusal
  readonly unasked?: readonly EngineQuestion[]
}
/** A permit annotated `@ask` matched: a person must answer. */
export type Ask = Judged & { readonly outcome: 'ask'; readonly reason: string; readonly refusal: Refusal }
export type Decision = Allow | Deny | Ask
