import type { GatewayLine, RootLine, TenantLine } from '../../sdk/admin-contract.ts'
import { duration, renderTable } from './table.ts'

export function renderTenants(tenants: readonly TenantLine[], revision: number): readonly string[] {
  if (tenants.length === 0)
    return ['There is no tenant yet. `countersign apply -f <folder>` makes the first.']
  const head = ['tenant', 'state', 'agents', 'guests', 'users', 'resources', 'policies', '']
  const rows = tenants.map((each) => [
    each.tenant,
    each.state,
    ...[each.agents, each.guests, each.users, each.resources, each.policies].map(String),
    each.broken ?? each.display ?? '',
  ])
  return [...renderTable([head, ...rows]), `revision ${revision}`]
}

export function renderGateways(gateways: readonly GatewayLine[], revision: number): readonly string[] {
  if (gateways.length === 0) return ['No gateway is connected to this authority.']
  const head = ['gateway', 'instance', 'revision', 'behind', 'acknowledged in', 'connected for', 'key']
  const rows = gateways.map((each) => [
    each.gateway,
    each.instance,
    String(each.revision),
    String(Math.max(0, revision - each.revision)),
    each.ms === undefined ? '' : duration(each.ms),
    duration(each.connectedMs),
    each.key,
  ])
  return [...renderTable([head, ...rows]), `revision ${revision}`]
}

export function renderRoots(roots: readonly RootLine[]): readonly string[] {
  return renderTable([
    ['root', 'what it does', 'where'],
    ...roots.map(({ root, what, where }) => [root, what, where]),
  ])
}
