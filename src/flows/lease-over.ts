import type { Lease } from '../core/credential/lease.ts'
import { splitAgentId } from '../core/ids.ts'
import { endedBy, type Link, type LinkKind, link } from '../core/lifecycle/revocation.ts'
import { isAbove, isSink } from '../core/policy/label.ts'
import { carriedLabel, sessionsOf } from '../core/policy/session-label.ts'
import type { Snapshot, TenantSnapshot } from '../core/snapshot.ts'

/** Links whose names mean the same everywhere, so that an agent's home may end them abroad too. */
const OF_HOME: ReadonlySet<LinkKind> = new Set(['key', 'token', 'trust'])

/**
 * Why a lease must end before its time, if so: something it stands on was revoked, here or at the agent's home, is no longer in
 * the registry or no longer active, or its session has reached data that may not flow there. Its own time is not looked at.
 */
export function leaseOver(snapshot: Snapshot, lease: Lease): string | undefined {
  const tenant = snapshot.tenants.get(lease.tenant)
  if (tenant === undefined || tenant.tenant.state !== 'active') return 'tenant.suspended'
  const { home } = splitAgentId(lease.agent)
  const homeTenant = home === lease.tenant ? tenant : snapshot.tenants.get(home)
  if (homeTenant === undefined || homeTenant.tenant.state !== 'active') return 'agent.home_suspended'
  return (
    revokedBy(tenant, homeTenant, lease) ?? goneFrom(tenant, homeTenant, lease) ?? labelAbove(tenant, lease)
  )
}

function revokedBy(tenant: TenantSnapshot, home: TenantSnapshot, lease: Lease): string | undefined {
  const { home: homeName } = splitAgentId(lease.agent)
  const here: readonly Link[] = [...lease.links, link('tenant', lease.tenant), link('agent', lease.agent)]
  if (endedBy(here, lease.rev, tenant.revocations)) return 'chain.revoked'
  if (home === tenant) return undefined
  const carried = lease.links.filter((each) => OF_HOME.has(each.slice(0, each.indexOf(':')) as LinkKind))
  const there = [...carried, link('tenant', homeName), link('agent', lease.agent)]
  return endedBy(there, lease.rev, home.revocations) ? 'chain.revoked' : undefined
}

/** A login that may still write to a lower place once its session has reached more would let it flow there. */
function labelAbove(tenant: TenantSnapshot, lease: Lease): string | undefined {
  const resource = tenant.resources.get(lease.resource)?.resource
  if (resource === undefined || !isSink(resource)) return undefined
  const label = carriedLabel(tenant.sessionLabels, sessionsOf(lease))
  return isAbove(label, resource.clearance) ? 'label.flow' : undefined
}

function goneFrom(tenant: TenantSnapshot, home: TenantSnapshot, lease: Lease): string | undefined {
  const agent = home.agents.get(lease.agent)
  if (agent?.state !== 'active') return 'agent.not_active'
  if (home !== tenant && !tenant.admissions.has(lease.agent)) return 'agent.not_admitted'
  if (lease.user !== undefined && tenant.users.get(lease.user)?.state !== 'active') return 'user.not_active'
  const delegation = lease.links.find((each) => each.startsWith('delegation:'))
  const known = delegation === undefined || tenant.delegations.has(delegation.slice('delegation:'.length))
  return known ? undefined : 'delegation.gone'
}
