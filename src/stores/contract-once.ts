import { expect, test } from 'vitest'
import type { TenantName } from '../core/ids.ts'
import { link } from '../core/lifecycle/revocation.ts'
import { epochMillis, epochSeconds } from '../core/time.ts'
import { AT, draftOf, LATER, leaseOf, leavesOf, type StoresUnderTest, sessionOf } from './contract-drafts.ts'

export function onceContract(stores: () => Promise<StoresUnderTest>): void {
  test('of fifty that spend one key at once, over two authorities, one wins and only its write happens', async () => {
    const { one, two, tenant } = await stores()
    const spend = { tenant, key: 'once', expires: LATER }
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        (at % 2 ? one : two).commit({ events: [draftOf(tenant, { reason: `r${at}` })], spend }),
      ),
    )
    expect(all.filter((written) => written.done)).toHaveLength(1)
    expect(new Set(all.flatMap((written) => (written.done ? [] : written.why)))).toEqual(new Set(['spent']))
    expect((await leavesOf(one, tenant)).map(({ event }) => event.reason)).toEqual([
      `r${all.findIndex((written) => written.done)}`,
    ])
  })

  test('a key is spent for its tenant only', async () => {
    const { one, tenant } = await stores()
    const other = `${tenant}-b` as TenantName
    const spend = (of: TenantName) =>
      one.commit({ events: [], spend: { tenant: of, key: 'k', expires: LATER } })
    expect(await spend(tenant)).toMatchObject({ done: true })
    expect(await spend(other)).toMatchObject({ done: true })
    expect(await spend(tenant)).toEqual({ done: false, why: 'spent' })
  })

  test('evidence is bound to the key that came first, and a later key learns of the one before it', async () => {
    const { one, two, tenant } = await stores()
    expect(await one.bindEvidence(tenant, 'pod-1', 'key-a', LATER)).toEqual({})
    expect(await two.bindEvidence(tenant, 'pod-1', 'key-a', LATER)).toEqual({})
    expect(await two.bindEvidence(tenant, 'pod-1', 'key-b', LATER)).toEqual({ previous: 'key-a' })
    expect(await one.bindEvidence(tenant, 'pod-1', 'key-b', LATER)).toEqual({})
    expect(await one.bindEvidence(`${tenant}-b` as TenantName, 'pod-1', 'key-c', LATER)).toEqual({})
  })

  test('of many keys that come first at the same moment, all but one learn of another', async () => {
    const { one, two, tenant } = await stores()
    const all = await Promise.all(
      Array.from({ length: 12 }, (_, at) =>
        (at % 2 ? one : two).bindEvidence(tenant, 'pod', `key-${at}`, LATER),
      ),
    )
    // One came first, and each other took over from another one.
    expect(new Set(all.map(({ previous }) => previous ?? 'none')).size).toBe(12)
    expect(all.filter(({ previous }) => previous === undefined)).toHaveLength(1)
  })
}

export function sessionContract(stores: () => Promise<StoresUnderTest>): void {
  test('a session is kept as it was first written while it lasts, and begins anew afterwards', async () => {
    const { one, two, tenant } = await stores()
    const links = [link('agent', `${tenant}/desk`)]
    const where = { tenant, link: link('agent', `${tenant}/desk`) }
    const first = sessionOf(tenant, 'a', { links, user: 'usr_1' })
    await one.commit({ events: [], session: first })
    await two.commit({ events: [], session: { ...first, agent: 'other', links: [] } })
    expect(await two.sessions(where)).toEqual([first])
    const past = { started: epochMillis(AT - 9_000), expires: epochSeconds(AT / 1000 - 5) }
    const over = { ...sessionOf(tenant, 'b', { links }), ...past }
    await one.commit({ events: [], session: over })
    expect(await two.sessions(where)).toEqual([first])
    const again = sessionOf(tenant, 'b', { links })
    await one.commit({ events: [], session: again })
    expect(await two.sessions(where)).toEqual([first, again])
    expect(await two.sessions({ tenant, link: link('agent', 'x/y') })).toEqual([])
  })
}

export function leaseContract(stores: () => Promise<StoresUnderTest>): void {
  test('a lease opens, becomes active with its handle, ends, and is found while it is open', async () => {
    const { one, two, tenant } = await stores()
    const mine = link('session', 'ses_1')
    const lease = leaseOf(tenant, 'a', [mine])
    const { id } = lease
    await one.commit({ events: [], lease: { open: lease } })
    expect(await two.openLeases({ tenant })).toEqual([lease])
    await two.commit({ events: [], lease: { activate: { tenant, id, handle: 'role_1' } } })
    const active = { ...lease, handle: 'role_1', state: 'active' }
    expect(await one.openLeases({ tenant, link: mine })).toEqual([active])
    expect(await one.openLeases({ tenant, link: link('session', 'ses_2') })).toEqual([])
    expect(await one.openLeases({ tenant, expiredBefore: lease.expires })).toEqual([])
    const later = epochSeconds(lease.expires + 1)
    expect(await one.openLeases({ expiredBefore: later, link: mine, tenant })).toEqual([active])
    expect((await one.openLeases({ expiredBefore: later })).map((each) => each.tenant)).toContain(tenant)
    await one.commit({ events: [], lease: { end: { tenant, id } } })
    expect(await two.openLeases({ tenant })).toEqual([])
  })

  test('a lease that has ended does not become active again, and what would say so is not recorded', async () => {
    const { one, two, tenant } = await stores()
    const lease = leaseOf(tenant, 'a')
    const { id } = lease
    await one.commit({ events: [], lease: { open: lease } })
    await two.commit({ events: [], lease: { end: { tenant, id } } })
    const activate = { activate: { tenant, id, handle: 'role_1' } }
    expect(await one.commit({ events: [draftOf(tenant)], lease: activate })).toEqual({
      done: false,
      why: 'ended',
    })
    const spend = { tenant, key: 'with', expires: LATER }
    expect(await one.commit({ events: [], lease: activate, spend })).toEqual({ done: false, why: 'ended' })
    expect(await one.commit({ events: [], spend })).toMatchObject({ done: true })
    expect(await one.commit({ events: [], lease: { end: { tenant, id } } })).toMatchObject({ done: true })
    expect(await two.openLeases({ tenant })).toEqual([])
    expect((await one.tree(tenant)).size).toBe(0)
  })
}
