import { OPERATOR } from '../core/identity/tenant.ts'
import { parseAgentId, type Revision, splitAgentId, type TenantName } from '../core/ids.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, type Result } from '../core/result.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { type AuthorizedGateway, serves } from './authorize-gateway.ts'
import { type Doubt, type QuarantinePorts, quarantinePolicies } from './quarantine-policies.ts'

/**
 * Takes a gateway's word that the two engines differ. It is believed without a look, since what went wrong there need not show here, and
 * since a quarantine only ever takes away: all that a stolen gateway gets is that some policies of tenants it serves are slower, until a
 * person lifts it. Refuses `gateway.not_listed`, recorded as an alarm for the operator.
 */
export async function takeDoubt(
  ports: QuarantinePorts,
  { gateway, instance }: AuthorizedGateway,
  doubt: Omit<Doubt, 'noticed'>,
): Promise<Result<{ readonly revision: Revision; readonly policies: readonly string[] }, Refusal>> {
  const noticed = { gateway: gateway.gateway, instance }
  const sees = serves(gateway, doubt.tenant) || isHomeOfGuest(ports.snapshot(), gateway.tenants, doubt.tenant)
  if (sees) return quarantinePolicies(ports, { ...doubt, noticed })
  const event = { tenant: OPERATOR, at: ports.now(), kind: 'alarm', outcome: 'deny' } as const
  const facts = { ...noticed, asked: doubt.tenant }
  await ports.store.commit({ events: [{ ...event, reason: NOT_LISTED.reason, facts }] })
  return err(NOT_LISTED)
}

/** A gateway judges by the forbids of a guest's home too. */
function isHomeOfGuest(snapshot: Snapshot, listed: readonly string[], home: TenantName): boolean {
  const guests = listed.flatMap((name) => [
    ...(snapshot.tenants.get(name as TenantName)?.admissions.keys() ?? []),
  ])
  return guests.some((guest) => parseAgentId(guest) !== undefined && splitAgentId(guest).home === home)
}

const NOT_LISTED = refuse('unknown', 'gateway.not_listed', 'This gateway serves no such tenant.')
