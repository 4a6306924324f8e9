import type {
  AgentId,
  DecisionId,
  LeaseId,
  RecorderId,
  Revision,
  SessionId,
  TenantName,
  TokenId,
} from '../ids.ts'
import type { EpochMillis } from '../time.ts'

/** What kind of step was recorded. */
export type AuditKind =
  | 'decision'
  | 'outcome'
  | 'attest'
  | 'issue'
  | 'session'
  | 'lease'
  | 'revocation'
  | 'admin'
  | 'fact'
  | 'gateway'
  | 'alarm'

/**
 * One append-only record of a step: the leaf of a tenant's Merkle log is its canonical JSON (RFC 8785).
 * Never a secret. Personal fields (`user`, `input`) are salted commitments, base64url(SHA-256(salt ‖ 0x00 ‖ value)); their openings
 * are kept beside the log and can be erased without breaking a proof. A field not listed here is not recorded.
 */
export type AuditEvent = {
  readonly v: 1
  readonly id: string
  readonly tenant: TenantName
  /** Who numbered this record, and its number there; a gap is an alarm. */
  readonly recorder: RecorderId
  readonly n: number
  readonly at: EpochMillis
  readonly kind: AuditKind
  readonly outcome: 'allow' | 'deny' | 'ask' | 'done' | 'failed'
  readonly reason: string
  readonly decision?: DecisionId
  readonly agent?: AgentId
  readonly user?: string
  readonly session?: SessionId
  readonly resource?: string
  readonly tool?: string
  readonly input?: string
  readonly policies?: readonly string[]
  readonly conditions?: readonly string[]
  readonly revision?: Revision
  readonly lease?: LeaseId
  readonly token?: TokenId
  readonly bearer?: boolean
  readonly ms?: number
  /** Small public facts of the step: codes, counts, names from configuration. */
  readonly facts?: Readonly<Record<string, string | number | boolean>>
}

/** Values behind the commitments of one event. */
export type Openings = Readonly<
  Partial<Record<'user' | 'input', { readonly salt: string; readonly value: string }>>
>

/** An event as a flow writes it down: its recorder, number and commitments are added when it is recorded. */
export type AuditDraft = Omit<AuditEvent, 'v' | 'id' | 'recorder' | 'n' | 'user' | 'input'> & {
  readonly personal?: Readonly<Partial<Record<'user' | 'input', string>>>
}
