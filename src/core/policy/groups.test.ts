import { describe, expect, it } from 'vitest'
import {
  type Ask,
  ana,
  change,
  changesOf,
  NOW,
  PORTS,
  policyChanges,
  request,
  STORIES,
} from '../../../test/properties/decide-world.ts'
import { applyChanges } from '../apply-changes.ts'
import { addDocuments } from '../documents.ts'
import type { TenantName } from '../ids.ts'
import { type Change, DOCUMENTS } from '../registry.ts'
import { emptySnapshot } from '../snapshot.ts'
import { visibleTo } from '../visible.ts'
import { decide } from './decide.ts'

const group = (tenant: string, name: string, of: 'agents' | 'users', within: readonly string[] = []) =>
  change(tenant, 'group', name, { group: name, of, in: within })
/** `desk` in `emea` in `company`: three deep, of agents at the operator and of users at the customer. */
const nested = [
  ...[group('operator', 'desk', 'agents', ['emea']), group('operator', 'emea', 'agents', ['company'])],
  ...[group('operator', 'company', 'agents'), group('operator', 'elsewhere', 'agents')],
  ...[
    group('a', 'buyers', 'users', ['north']),
    group('a', 'north', 'users', ['all']),
    group('a', 'all', 'users'),
  ],
]
const member = (agent: string, kind: string, groups: readonly string[]) =>
  change('operator', 'agent', agent, {
    ...DOCUMENTS.agent.parse({ agent, kind, owner: 'x@operator.example', is: { trust: 'prod', sa: agent } }),
    groups,
  })
const user = (name: string, groups: readonly string[]) =>
  change('a', 'user', `${name}@a.example`, {
    ...DOCUMENTS.user.parse({ user: `${name}@a.example`, idp: 'company', sub: name }),
    ...{ attributes: { customer_id: 'c-42' }, groups },
  })
const base = [...(await changesOf(STORIES)), ...nested]
const snapshotOf = (changes: readonly Change[]) => applyChanges(emptySnapshot(), [...base, ...changes], PORTS)
const own: Ask = { user: ana('a'), input: { customer_id: 'c-42', order_id: 'o-1' } }
const reports: Ask = {
  ...{ tenant: 'operator', agent: 'operator/pipeline', resource: 'warehouse', tool: 'write:reports' },
}
async function reasonOf(
  ask: Ask,
  tenant: string,
  cedar: string,
  changes: readonly Change[],
): Promise<string> {
  const snapshot = snapshotOf([...changes, ...(await policyChanges(tenant, `@id("tried") ${cedar}`))])
  return decide(request(ask), snapshot, NOW).reason
}

describe('a group of agents', () => {
  const permit = 'permit (principal in AgentGroup::"company", action, resource == Resource::"warehouse");'

  it.each([
    ['in it', ['company'], 'allowed'],
    ['in a group three deep in it', ['elsewhere', 'desk'], 'allowed'],
    ['in another', ['elsewhere'], 'agent.no_permit'],
    ['in none', [], 'agent.no_permit'],
    ['in one of its name that nobody declared', ['compan'], 'agent.no_permit'],
  ])('is permitted as one: an agent that is %s', async (_name, groups, reason) => {
    expect(await reasonOf(reports, 'operator', permit, [member('pipeline', 'workforce', groups)])).toBe(
      reason,
    )
  })

  it('is forbidden as one, and asked of in a clause like in a scope', async () => {
    const changes = [member('pipeline', 'workforce', ['desk'])]
    const allowed = await policyChanges('operator', `@id("all") ${permit}`)
    const ask = (cedar: string) => reasonOf(reports, 'operator', cedar, [...changes, ...allowed])
    expect(await ask('forbid (principal in AgentGroup::"emea", action, resource);')).toBe('policy.forbidden')
    expect(await ask('forbid (principal is Agent in AgentGroup::"emea", action, resource);')).toBe(
      'policy.forbidden',
    )
    const clause = 'forbid (principal, action, resource) when { principal in AgentGroup::"emea" };'
    expect(await ask(clause)).toBe('policy.forbidden')
    expect(await ask('forbid (principal in AgentGroup::"elsewhere", action, resource);')).toBe('allowed')
  })

  it('changes with its own document, whoever is in it', async () => {
    const snapshot = snapshotOf([
      member('pipeline', 'workforce', ['desk']),
      ...(await policyChanges('operator', `@id("all") ${permit}`)),
    ])
    const cut = applyChanges(snapshot, [group('operator', 'emea', 'agents')], PORTS)
    expect(decide(request(reports), snapshot, NOW).reason).toBe('allowed')
    expect(decide(request(reports), cut, NOW).reason).toBe('agent.no_permit')
    const gone = applyChanges(snapshot, [change('operator', 'group', 'emea', null)], PORTS)
    expect(decide(request(reports), gone, NOW).reason).toBe('agent.no_permit')
  })

  it("of an agent's home permits nothing abroad, and forbids there what home forbids", async () => {
    const changes = [member('support', 'customer', ['desk', 'company'])]
    const taken = (await changesOf(STORIES)).find(({ name }) => name === 'support-uses-orders')
    const without = [...changes, { ...taken, doc: null } as Change]
    const abroad = 'permit (principal in AgentGroup::"company", action, resource == Resource::"orders");'
    expect(await reasonOf(own, 'a', abroad, without)).toBe('agent.no_permit')
    const forbid = 'forbid (principal in AgentGroup::"company", action, resource);'
    expect(await reasonOf(own, 'operator', forbid, changes)).toBe('policy.forbidden')
  })
})

describe('a group of users', () => {
  it('is permitted and forbidden as one, and not mistaken for agents', async () => {
    const forbid = 'forbid (principal in UserGroup::"all", action, resource);'
    expect(await reasonOf(own, 'a', forbid, [user('ana', ['buyers'])])).toBe('policy.forbidden')
    expect(await reasonOf(own, 'a', forbid, [user('ana', [])])).toBe('allowed')
    const agents = 'forbid (principal in AgentGroup::"all", action, resource);'
    expect(await reasonOf(own, 'a', agents, [user('ana', ['buyers'])])).toBe('allowed')
  })
})

describe('groups that can not be', () => {
  const broken = (changes: readonly Change[]) =>
    applyChanges(snapshotOf([]), changes, PORTS).tenants.get('operator' as TenantName)?.broken

  it('break their tenant until they are mended: within itself, or in too many', () => {
    const circle = [group('operator', 'company', 'agents', ['desk'])]
    expect(broken(circle)).toContain('is an ancestor of itself')
    const mended = [...circle, group('operator', 'company', 'agents')]
    expect(broken(mended)).toBeUndefined()
    const names = Array.from({ length: 66 }, (_, at) => `g${at}`)
    const chain = names.map((name, at) => group('operator', name, 'agents', names.slice(at + 1, at + 2)))
    expect(broken(chain)).toContain('more than 64')
    expect(broken(chain.slice(1))).toBeUndefined()
  })

  it('stay wrong whatever else of the tenant changes', () => {
    const wrong = applyChanges(snapshotOf([]), [group('operator', 'company', 'agents', ['desk'])], PORTS)
    const later = applyChanges(wrong, [member('pipeline', 'workforce', [])], PORTS)
    expect(later.tenants.get('operator' as TenantName)?.broken).toContain('is an ancestor of itself')
  })
})

it('a gateway abroad is shown the groups that a guest is in at home and what home forbids them, and no other', async () => {
  const forbids = await policyChanges(
    'operator',
    `@id("no-company") forbid (principal in AgentGroup::"company", action, resource);
     @id("no-elsewhere") forbid (principal in AgentGroup::"elsewhere", action, resource);`,
  )
  const changes = [...base, member('support', 'customer', ['desk']), ...forbids]
  const edge = DOCUMENTS.gateway.parse({ gateway: 'edge', is: { trust: 'prod' }, tenants: ['a'] })
  const seen = visibleTo(edge, addDocuments(new Map(), changes)).filter(({ tenant }) => tenant === 'operator')
  const named = (kind: string) => seen.filter((each) => each.kind === kind).map(({ name }) => name)
  expect(named('group').sort()).toEqual(['company', 'desk', 'emea'])
  expect(named('policy')).toEqual(['no-company'])
  const there = applyChanges(emptySnapshot(), visibleTo(edge, addDocuments(new Map(), changes)), PORTS)
  expect(decide(request(own), there, NOW).reason).toBe('policy.forbidden')
})
