import type { AgentId, DecisionId, LeaseId, Revision, SessionId, TenantName, UserId } from '../ids.ts'
import type { Link } from '../lifecycle/revocation.ts'
import type { EpochSeconds } from '../time.ts'

/** The record that a credential was issued; what revocation ends. `pending` stands before the credential exists, so a crash leaves nothing unknown. */
export type Lease = {
  readonly id: LeaseId
  readonly tenant: TenantName
  readonly agent: AgentId
  readonly user?: UserId
  readonly session: SessionId
  readonly decision: DecisionId
  readonly resource: string
  /** Name of the credential provider's settings. */
  readonly provider: string
  readonly handle: string
  readonly links: readonly Link[]
  readonly rev: Revision
  readonly expires: EpochSeconds
  readonly state: 'pending' | 'active' | 'ended'
}
