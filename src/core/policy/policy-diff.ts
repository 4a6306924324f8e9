import type { AgentId, TenantName } from '../ids.ts'
import type { Decision } from './decision.ts'

/** A decision as the audit shows it. `user` and `input` are what stands behind the commitments, where that is still kept. */
export type RecordedDecision = {
  readonly index: number
  readonly at: number
  readonly tenant: TenantName
  readonly outcome: Decision['outcome']
  readonly reason: string
  readonly decision?: string
  readonly agent?: AgentId
  readonly user?: Hidden
  readonly resource?: string
  readonly tool?: string
  readonly input?: Hidden
  /** `name:state` of each condition that was asked. */
  readonly conditions: readonly string[]
}

/** A personal value that the log commits to: shown by its opening, or `erased`. */
export type Hidden = { readonly shown: string } | { readonly erased: true }

/** What a request comes to. */
export type Answer = {
  readonly outcome: Decision['outcome']
  readonly reason: string
  readonly policies: readonly string[]
}

/** Who asks for whom what, for people. */
export type Subject = {
  readonly tenant: TenantName
  readonly agent: string
  readonly user?: string
  /** `orders/get_order`, or the resource alone where it is entered. */
  readonly what: string
}

/** Where a request is taken from: a case's place and name, or a recorded decision. */
export type Origin =
  | { readonly case: string; readonly path: string; readonly line: number }
  | { readonly index: number; readonly at: number; readonly decision?: string }

/** A request that was answered on both sides. */
export type Compared = {
  readonly from: Origin
  readonly subject: Subject
  readonly before: Answer
  readonly after: Answer
  /** Another outcome, or another reason for the same one. */
  readonly changes: boolean
}

/** A recorded decision that can't be replayed exactly, and why: nothing is said of what would become of it. */
export type NotReplayed = {
  readonly from: Origin
  readonly tenant: TenantName
  readonly reason: string
  readonly why: string
}

export type PolicyDiff = {
  readonly cases: readonly Compared[]
  readonly recorded: readonly Compared[]
  readonly notReplayed: readonly NotReplayed[]
}

export function hasChanged(before: Answer, after: Answer): boolean {
  return before.outcome !== after.outcome || before.reason !== after.reason
}
