import type { CredentialAsk } from '../core/enforcement.ts'
import type { Refusal } from '../core/refusal.ts'
import { err, type Result } from '../core/result.ts'
import type { AuthorityPorts } from './authority.ts'
import type { AuthorizedGateway } from './authorize-gateway.ts'
import { offerConnection } from './connect/offer-connection.ts'
import { judgeAgain } from './judge-again.ts'
import { type Leased, type LeasingPorts, openLease } from './open-lease.ts'

/**
 * A credential for one call that a gateway wants to forward: for the caller who is there with token and proof, decided again here, recorded
 * with its lease, a single-use token spent in the same commit. The gateway may use it again within the lease, for calls it decides. Where a
 * person must connect an account first, the refusal holds the link for them.
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
  const leased = await openLease(view, caller, [permitted], leasing, facts, ask.challenge)
  if (leased.ok || leased.error.reason !== 'connection.needed') return leased
  return err(await offerConnection(view, caller, leased.error))
}
