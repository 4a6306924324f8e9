import type { CredentialAsk } from '../core/enforcement.ts'
import type { Refusal } from '../core/refusal.ts'
import type { Result } from '../core/result.ts'
import type { AuthorityPorts } from './authority.ts'
import type { AuthorizedGateway } from './authorize-gateway.ts'
import { judgeAgain } from './judge-again.ts'
import { type Leased, type LeasingPorts, openLease } from './open-lease.ts'

/**
 * A credential for one call that a gateway wants to forward: for the caller who is there with token and proof, decided again here, recorded
 * with its lease, a single-use token spent in the same commit. The gateway may use it again within the lease, for calls it decides.
 */
export async function leaseCredential(
  ports: AuthorityPorts,
  leasing: LeasingPorts,
  gateway: AuthorizedGateway,
  ask: CredentialAsk,
): Promise<Result<Leased, Refusal>> {
  const judged = await judgeAgain(ports, gateway, ask)
  if (!judged.ok) return judged
  const { view, caller, permitted, facts } = judged.value
  return openLease(view, caller, [permitted], leasing, facts)
}
