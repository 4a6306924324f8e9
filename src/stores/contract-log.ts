import { expect, test } from 'vitest'
import { opens } from '../core/audit/commitment.ts'
import { EMPTY_ROOT } from '../core/audit/merkle-log.ts'
import type { AgentId, DecisionId, TenantName } from '../core/ids.ts'
import type { Store } from '../core/ports.ts'
import { epochMillis } from '../core/time.ts'
import { AT, draftOf, LATER, leaseOf, leavesOf, rootOf, type StoresUnderTest } from './contract-drafts.ts'

export function appendContract(stores: () => Promise<StoresUnderTest>): void {
  test('an empty log has the empty root and no checkpoint', async () => {
    const { one, tenant } = await stores()
    expect(await one.tree(tenant)).toEqual({ size: 0, frontier: [], root: EMPTY_ROOT })
    expect(await one.latestCheckpoint(tenant)).toBeUndefined()
    expect(await leavesOf(one, tenant)).toEqual([])
  })

  test('two authorities that write to many logs at once leave each log and each numbering whole', async () => {
    const { one, two, tenant } = await stores()
    const tenants = ['a', 'b', 'c', 'd'].map((each) => `${tenant}-${each}` as TenantName)
    const write = (store: Store, at: number) => {
      const [first = tenant, second = tenant] = [tenants[at % 4], tenants[(at * 3 + 1) % 4]]
      const spend = at % 5 ? {} : { spend: { tenant: first, key: `k${at % 20}`, expires: LATER } }
      return store.commit({ events: [draftOf(first), draftOf(second)], ...spend })
    }
    const written = await Promise.all(
      Array.from({ length: 600 }, (_, at) => write(at % 2 ? one : two, Math.floor(at / 2))),
    )
    const logs = await Promise.all(tenants.map((each) => leavesOf(one, each)))
    expect(logs.flat()).toHaveLength(2 * written.filter(({ done }) => done).length)
    const numbers = new Map<string, number[]>()
    for (const [at, log] of logs.entries()) {
      expect(log.map(({ index }) => index)).toEqual(log.map((_, index) => index))
      const tree = await two.tree(tenants[at] ?? tenant)
      expect([tree.size, tree.root]).toEqual([log.length, rootOf(log)])
      for (const { event } of log)
        numbers.set(event.recorder, [...(numbers.get(event.recorder) ?? []), event.n])
    }
    expect(numbers.size).toBe(2)
    for (const list of numbers.values()) {
      const [first = 0] = list.sort((a, b) => a - b)
      expect(list).toEqual(list.map((_, at) => first + at))
    }
  })

  test('one bad write in a batch fails alone', async () => {
    const { one, tenant } = await stores()
    const open = { open: leaseOf(tenant, 'twice') }
    await one.commit({ events: [], lease: open })
    const all = await Promise.allSettled([
      one.commit({ events: [draftOf(tenant, { reason: 'before' })] }),
      one.commit({ events: [draftOf(tenant, { reason: 'bad' })], lease: open }),
      one.commit({ events: [draftOf(tenant, { reason: 'after' })] }),
    ])
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(all[1]).toMatchObject({ reason: { fault: 'bug' } })
    expect((await leavesOf(one, tenant)).map(({ event }) => event.reason)).toEqual(['before', 'after'])
  })
}

export function findContract(stores: () => Promise<StoresUnderTest>): void {
  test('events are found by each of their fields, and personal ones by what was recorded', async () => {
    const { one, two, tenant } = await stores()
    const agent = `${tenant}/desk` as AgentId
    const long = `https://example/${'x'.repeat(3_000)}`
    await one.commit({
      events: [
        draftOf(tenant, { reason: '0', agent, personal: { user: 'ann@a.example', input: '{"x":1}' } }),
        draftOf(tenant, { reason: '1', outcome: 'deny', decision: 'dec_9' as DecisionId }),
        draftOf(tenant, { reason: '2', resource: long, at: epochMillis(AT + 10) }),
        draftOf(tenant, { reason: '3', resource: 'orders', personal: { user: 'bob' } }),
        draftOf(tenant, { reason: '4', agent, resource: 'orders', personal: { user: 'ann@a.example' } }),
      ],
    })
    const find = async (where: Partial<Parameters<Store['audit']>[0]>) =>
      (await two.audit({ tenant, limit: 100, ...where })).map(({ event }) => event.reason).join('')
    expect(await find({})).toBe('01234')
    expect(await find({ limit: 2 })).toBe('34')
    expect(await find({ limit: 2, after: -1 })).toBe('01')
    expect(await find({ after: 2 })).toBe('34')
    expect(await find({ agent })).toBe('04')
    expect(await find({ user: 'ann@a.example' })).toBe('04')
    expect(await find({ user: 'ann@a.example', resource: 'orders' })).toBe('4')
    expect(await find({ resource: long })).toBe('2')
    expect(await find({ decision: 'dec_9' })).toBe('1')
    expect(await find({ outcome: 'deny' })).toBe('1')
    expect(await find({ from: epochMillis(AT + 1) })).toBe('2')
    expect(await find({ until: epochMillis(AT + 1) })).toBe('0134')
    expect(await find({ tenant: `${tenant}-b` as TenantName })).toBe('')
  })

  test('what was personal can be forgotten, and the log stays as it was', async () => {
    const { one, tenant } = await stores()
    const ann = { user: 'ann', input: '{"secret":1}' }
    await one.commit({ events: [draftOf(tenant, { personal: ann })] })
    await one.commit({ events: [draftOf(tenant, { personal: { user: 'bob' } })] })
    const before = await one.tree(tenant)
    const [first] = await leavesOf(one, tenant)
    expect(first && opens(first.event.user ?? '', first.openings.user ?? { salt: '', value: '' })).toBe(true)
    expect(await one.eraseOpenings(tenant, 'ann')).toBe(2)
    expect(await one.eraseOpenings(tenant, 'ann')).toBe(0)
    const leaves = await leavesOf(one, tenant)
    expect(leaves.map(({ openings }) => openings.user?.value)).toEqual([undefined, 'bob'])
    expect(leaves[0]).toEqual({ ...first, openings: {} })
    expect(await one.audit({ tenant, user: 'ann', limit: 9 })).toEqual([])
    expect([await one.tree(tenant), rootOf(leaves)]).toEqual([before, before.root])
  })
}

export function exportContract(stores: () => Promise<StoresUnderTest>): void {
  test('leaves stream from one index up to another, also over many pages', async () => {
    const { one, tenant } = await stores()
    await one.commit({ events: Array.from({ length: 2_300 }, () => draftOf(tenant)) })
    const indexes = async (from: number, to: number) =>
      (await leavesOf(one, tenant, from, to)).map(({ index }) => index)
    expect(await indexes(0, 1e6)).toEqual(Array.from({ length: 2_300 }, (_, at) => at))
    expect(await indexes(1_999, 2_002)).toEqual([1_999, 2_000, 2_001])
    expect(await indexes(5, 5)).toEqual([])
  })

  test('the newest checkpoint is kept, and none ahead of its log', async () => {
    const { one, two, tenant } = await stores()
    await one.commit({ events: [draftOf(tenant), draftOf(tenant)] })
    await one.saveCheckpoint(tenant, 2, 'two')
    await one.saveCheckpoint(tenant, 1, 'one')
    expect(await two.latestCheckpoint(tenant)).toEqual({ size: 2, note: 'two' })
    await expect(one.saveCheckpoint(tenant, 3, 'three')).rejects.toMatchObject({ fault: 'bug' })
  })
}
