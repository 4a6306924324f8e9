import { describe, expect, it } from 'vitest'
import { ana, change, changesOf, PORTS, policyChanges, STORIES } from '../../test/properties/decide-world.ts'
import { applyChanges } from './apply-changes.ts'
import type { AgentId, Revision, TenantName } from './ids.ts'
import { atRevision, emptySnapshot, type Snapshot } from './snapshot.ts'

const changes = await changesOf(STORIES)
const stories = applyChanges(emptySnapshot(), changes, PORTS)
const unscoped = await policyChanges('a', '@id("all") permit (principal, action, resource);')
const unreadable = await policyChanges(
  'a',
  '@id("all") permit (principal is Agent, action, resource) when { context.conditions == ["x"] };',
)
const tenantOf = (snapshot: Snapshot, name: string) => snapshot.tenants.get(name as TenantName)

describe('applying changes', () => {
  it('makes a view of every tenant at the newest revision', () => {
    expect(stories.revision).toBe(Math.max(...changes.map(({ revision }) => revision)))
    const a = tenantOf(stories, 'a')
    expect(a?.broken).toBeUndefined()
    expect(a?.users.get(ana('a'))?.user).toBe('ana@a.example')
    expect([...(a?.agents.keys() ?? [])]).toEqual([])
    expect(tenantOf(stories, 'operator')?.agents.has('operator/support' as AgentId)).toBe(true)
    expect([...(a?.resources.keys() ?? [])].sort()).toEqual(['authzen', 'catalogue', 'facts', 'orders'])
  })

  it('comes to the same in any order and in any batches', () => {
    const shape = (snapshot: Snapshot) =>
      [...snapshot.tenants].sort().map(([name, tenant]) => ({
        ...{
          name,
          users: [...tenant.users.keys()].sort(),
          policies: [...tenant.policies.byName.keys()].sort(),
        },
        ...{ broken: tenant.broken, resources: [...tenant.resources.keys()].sort() },
      }))
    const backwards = [...changes].reverse()
    expect(shape(applyChanges(emptySnapshot(), backwards, PORTS))).toEqual(shape(stories))
    const oneByOne = backwards.reduce((at, each) => applyChanges(at, [each], PORTS), emptySnapshot())
    expect(shape(oneByOne)).toEqual(shape(stories))
  })

  it('leaves the old view as it was and shares what did not change', () => {
    const next = applyChanges(stories, [change('a', 'user', 'ada@a.example', null)], PORTS)
    expect(tenantOf(stories, 'a')?.users.has(ana('a', 'ada'))).toBe(true)
    expect(tenantOf(next, 'a')?.users.has(ana('a', 'ada'))).toBe(false)
    expect(tenantOf(next, 'b')).toBe(tenantOf(stories, 'b'))
    expect(tenantOf(next, 'a')?.resources).toBe(tenantOf(stories, 'a')?.resources)
    expect(tenantOf(next, 'a')?.policies).toBe(tenantOf(stories, 'a')?.policies)
    expect(applyChanges(stories, [], PORTS)).toBe(stories)
  })

  it('knows a user again when the identity provider comes later, or changes', () => {
    const moved = change('a', 'idp', 'company', {
      ...{ idp: 'company', issuer: 'https://other.example', clients: {}, allow_private: [] },
      ...{ keys_survive: '24h', users: 'listed', attributes: {} },
    })
    expect(tenantOf(applyChanges(stories, [moved], PORTS), 'a')?.users.has(ana('a'))).toBe(false)
  })

  it('remembers at which revision something was revoked', () => {
    const revoked = change('a', 'revocation', 'session:ses_1', {
      ...{ revocation: 'session:ses_1', standing: false, reason: 'x' },
    })
    const found = tenantOf(applyChanges(stories, [revoked], PORTS), 'a')?.revocations.get('session:ses_1')
    expect(found).toEqual({ at: revoked.revision, standing: false, reason: 'x' })
  })

  it('moves on without a change, and never back', () => {
    expect(atRevision(stories, 9_999_999 as Revision).revision).toBe(9_999_999)
    expect(atRevision(stories, 1 as Revision)).toBe(stories)
  })
})

describe('a stored document that can not be used', () => {
  const person = { idp: 'company', sub: 'ana', state: 'active', attributes: {} }

  it.each([
    ['has not its shape', [change('a', 'agent', 'x', { agent: 'x' })]],
    ['is of a kind nobody knows', [change('a', 'nonsense' as 'agent', 'x', { nonsense: 'x' })]],
    ['has another name inside', [change('a', 'user', 'x', { user: 'y', ...person, sub: 'y' })]],
    [
      'is a policy that is not JSON',
      [change('a', 'policy', 'p', { policy: 'p', effect: 'permit', text: '', est: '{' })],
    ],
    ['is a permit for anybody', unscoped],
    ['reads the conditions as a whole', unreadable],
    [
      'is a condition with settings nobody knows',
      [change('a', 'condition', 'c', { condition: 'c', type: 'test', config: {} })],
    ],
    [
      'hides the built-in resource',
      [
        change('a', 'resource', 'facts', {
          resource: 'facts',
          type: 'postgres',
          at: 'postgres://x/y',
          tools: {},
        }),
      ],
    ],
    ['is a second entry for the same person', [change('a', 'user', 'twin', { user: 'twin', ...person })]],
    ['is the tenant of another', [change('a', 'tenant', 'b', { tenant: 'b' })]],
  ])('breaks its own tenant and no other: it %s', (_name, bad) => {
    const snapshot = applyChanges(stories, bad, PORTS)
    expect(tenantOf(snapshot, 'a')?.broken).toEqual(expect.any(String))
    expect(tenantOf(snapshot, 'b')).toBe(tenantOf(stories, 'b'))
    const [first] = bad
    const mended = first && applyChanges(snapshot, [{ ...first, doc: null }], PORTS)
    expect(mended && tenantOf(mended, 'a')?.broken).toBeUndefined()
  })

  it('is not in the place of the one that it was to replace, nor is that one', () => {
    const snapshot = applyChanges(stories, [change('a', 'resource', 'orders', { resource: 'orders' })], PORTS)
    expect([...(tenantOf(snapshot, 'a')?.resources.keys() ?? [])]).not.toContain('orders')
  })

  it('leaves nothing of a tenant whose last document is gone', () => {
    const only = applyChanges(emptySnapshot(), [change('c', 'tenant', 'c', { tenant: 'c' })], PORTS)
    expect(only.tenants.size).toBe(1)
    expect(applyChanges(only, [change('c', 'tenant', 'c', null)], PORTS).tenants.size).toBe(0)
  })
})
