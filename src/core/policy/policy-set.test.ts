import { describe, expect, it } from 'vitest'
import type { WrittenPolicy } from './policy.ts'
import { changePolicies, NO_POLICIES, policiesFor, readPolicy } from './policy-set.ts'

const is = (entity_type: string) => ({ op: 'is', entity_type })
const named = (type: string, id = 'x') => ({ op: '==', entity: { type, id } })
const oneOf = (...types: string[]) => ({ op: 'in', entities: types.map((type) => ({ type, id: 'x' })) })
function stored(principal: object, over: Partial<WrittenPolicy> = {}, effect = 'permit'): WrittenPolicy {
  const est = { effect, principal, action: { op: 'All' }, resource: { op: 'All' }, conditions: [] }
  return {
    policy: 'p',
    effect: effect as WrittenPolicy['effect'],
    text: '',
    est: JSON.stringify(est),
    ...over,
  }
}
function reasonOf(policy: WrittenPolicy): string {
  const read = readPolicy(policy)
  return read.ok ? 'ok' : read.error.reason
}

describe('reading a stored policy', () => {
  it.each([
    ['is Agent', is('Agent')],
    ['is User', is('User')],
    ['== Agent', named('Agent')],
    ['in an agent', { op: 'in', entity: { type: 'Agent', id: 'x' } }],
    ['in several agents', oneOf('Agent', 'Agent')],
    ['in a group of agents', oneOf('AgentGroup')],
    ['in a group of users', oneOf('UserGroup')],
    ['agents in a group', { ...is('Agent'), in: { entity: { type: 'AgentGroup', id: 'x' } } }],
  ])('takes a permit whose principal is bound to one kind: %s', (_name, principal) => {
    expect(reasonOf(stored(principal))).toBe('ok')
  })

  it.each([
    ['anybody', { op: 'All' }],
    ['something that is no principal', is('Resource')],
    ['one of either kind', oneOf('Agent', 'User')],
    ['groups of either kind', oneOf('AgentGroup', 'UserGroup')],
    ['one of none', oneOf()],
  ])('refuses a permit for %s', (_name, principal) => {
    expect(reasonOf(stored(principal))).toBe('policy.unscoped')
  })

  it('lets a forbid be for anybody', () => {
    expect(reasonOf(stored({ op: 'All' }, {}, 'forbid'))).toBe('ok')
  })

  it('refuses a policy that is stored as what it is not, and what is no policy', () => {
    expect(reasonOf(stored(is('User'), { effect: 'forbid' }))).toBe('policy.malformed')
    expect(reasonOf(stored(is('User'), { est: '{' }))).toBe('policy.malformed')
    expect(reasonOf(stored(is('User'), { est: '[]' }))).toBe('policy.malformed')
  })
})

describe('a set of policies', () => {
  const read = (policy: WrittenPolicy) => {
    const result = readPolicy(policy)
    if (!result.ok) throw new Error(result.error.says)
    return result.value
  }
  const permit = read(stored(is('Agent'), { policy: 'b' }))
  const forbid = read(stored({ op: 'All' }, { policy: 'a' }, 'forbid'))

  it('knows which can apply to whom, by name', () => {
    const set = changePolicies(NO_POLICIES, [
      ['b', permit],
      ['a', forbid],
    ])
    expect(policiesFor(set, 'Agent').map(({ id }) => id)).toEqual(['a', 'b'])
    expect(policiesFor(set, 'User').map(({ id }) => id)).toEqual(['a'])
  })

  it('gives one back without a policy, and stays as it was', () => {
    const set = changePolicies(NO_POLICIES, [['b', permit]])
    expect(changePolicies(set, [['b', undefined]]).byName.size).toBe(0)
    expect(set.byName.size).toBe(1)
    expect(NO_POLICIES.byName.size).toBe(0)
  })
})
