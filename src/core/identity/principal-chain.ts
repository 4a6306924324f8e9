import type { AgentId, Revision, SessionId, TenantName, UserId } from '../ids.ts'
import type { Link } from '../lifecycle/revocation.ts'
import type { EpochSeconds } from '../time.ts'
import type { Proof } from './agent.ts'

/**
 * Who is acting, oldest first, ending with the caller. Built only from a verified token or evidence; nested `act`
 * claims are for reading and never decide (RFC 8693 §4.1), so `actors` comes from our own lineage.
 */
export type PrincipalChain = {
  readonly tenant: TenantName
  /** The caller: the last of `actors`. */
  readonly agent: AgentId
  readonly actors: readonly AgentId[]
  readonly proof: Proof
  readonly user?: UserId
  readonly session: SessionId
  /** Tools (`orders/get_order`) the credential was narrowed to; absent when it was not narrowed. */
  readonly scope?: readonly string[]
  /** Everything whose end ends this chain. */
  readonly links: readonly Link[]
  /** The lowest revision of anything this chain derives from (ARCHITECTURE §9). */
  readonly rev: Revision
  readonly expires: EpochSeconds
  /** Thumbprint (RFC 7638) of the key the credential is bound to; absent for a bearer. */
  readonly jkt?: string
}
