import { expect, test } from 'vitest'
import type { HeldKey, HeldSecret } from '../core/held.ts'
import type { TenantName, UserId } from '../core/ids.ts'
import { epochSeconds } from '../core/time.ts'
import { AT, LATER, type StoresUnderTest } from './contract-drafts.ts'

const ana = 'usr_ana' as UserId
const PAST = epochSeconds(Math.floor(AT / 1000) - 5)

export function heldContract(stores: () => Promise<StoresUnderTest>): void {
  const keyOf = (tenant: TenantName, more: Partial<HeldKey> = {}): HeldKey => {
    return { tenant, user: ana, place: 'resource:tracker', ...more }
  }
  const secretOf = (tenant: TenantName, more: Partial<HeldSecret> = {}): HeldSecret => {
    return { ...keyOf(tenant), sealed: '{"is":1}', about: '{}', ...more }
  }

  test('what is held is found under its tenant, person and place, and nowhere else', async () => {
    const { one, two, tenant } = await stores()
    await one.hold(secretOf(tenant))
    expect(await two.held(keyOf(tenant))).toMatchObject({ sealed: '{"is":1}', version: 1 })
    expect(await two.held(keyOf(tenant, { user: '' }))).toBeUndefined()
    expect(await two.held(keyOf(tenant, { place: 'resource:notes' }))).toBeUndefined()
    expect(await two.held(keyOf(`${tenant}-b` as TenantName))).toBeUndefined()
    await two.hold(secretOf(tenant, { sealed: '{"is":2}' }))
    expect(await one.held(keyOf(tenant))).toMatchObject({ sealed: '{"is":2}', version: 2 })
    await one.hold(secretOf(tenant, { user: '', place: 'client:https://as.example https://us.example' }))
    expect((await one.holdings(tenant)).map(({ user }) => user)).toEqual(['', ana])
    expect((await one.holdings(tenant, ana)).map(({ place }) => place)).toEqual(['resource:tracker'])
  })

  test('of twenty that want to replace one version at once, over two authorities, one may', async () => {
    const { one, two, tenant } = await stores()
    await one.hold(secretOf(tenant))
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, at) => (at % 2 ? one : two).claimHeld(keyOf(tenant), 1, LATER)),
    )
    expect(all.filter(Boolean)).toHaveLength(1)
    expect(await two.replaceHeld(secretOf(tenant, { sealed: '{"is":2}' }), 1)).toBe(true)
    expect(await one.replaceHeld(secretOf(tenant, { sealed: '{"is":3}' }), 1)).toBe(false)
    expect(await one.claimHeld(keyOf(tenant), 1, LATER)).toBe(false)
    expect(await one.claimHeld(keyOf(tenant), 2, LATER)).toBe(true)
    await one.unclaimHeld(keyOf(tenant), 2)
    expect(await two.claimHeld(keyOf(tenant), 2, LATER)).toBe(true)
  })

  test('who claimed and went away holds nobody up for longer than was said', async () => {
    const { one, two, tenant } = await stores()
    await one.hold(secretOf(tenant))
    expect(await one.claimHeld(keyOf(tenant), 1, PAST)).toBe(true)
    expect(await two.claimHeld(keyOf(tenant), 1, LATER)).toBe(true)
  })

  test('what is let go is given to one, and can not be replaced afterwards', async () => {
    const { one, two, tenant } = await stores()
    await one.hold(secretOf(tenant))
    expect(await one.letGo(keyOf(tenant), 7)).toBeUndefined()
    const all = await Promise.all([one, two, one].map((store) => store.letGo(keyOf(tenant))))
    expect(all.filter(Boolean)).toMatchObject([{ sealed: '{"is":1}' }])
    expect(await two.replaceHeld(secretOf(tenant), 1)).toBe(false)
  })

  test("a tenant's key is stored once, and replaced only by who knows the one before", async () => {
    const { one, two, tenant } = await stores()
    const first = await Promise.all([
      one.saveTenantKey(tenant, 'a', undefined),
      two.saveTenantKey(tenant, 'b', undefined),
    ])
    expect(first.filter(Boolean)).toHaveLength(1)
    const now = (await one.tenantKey(tenant)) ?? ''
    expect(await two.saveTenantKey(tenant, 'c', 'another')).toBe(false)
    expect(await two.saveTenantKey(tenant, 'c', now)).toBe(true)
    expect(await one.tenantKey(tenant)).toBe('c')
    expect(await one.tenantKey(`${tenant}-b` as TenantName)).toBeUndefined()
  })
}
