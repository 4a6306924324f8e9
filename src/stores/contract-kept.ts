import { expect, test } from 'vitest'
import type { SessionId, TenantName } from '../core/ids.ts'
import type { Kept } from '../core/kept.ts'
import { epochSeconds } from '../core/time.ts'
import { AT, LATER, renewalOf, type StoresUnderTest } from './contract-drafts.ts'

export function keptContract(stores: () => Promise<StoresUnderTest>): void {
  const kept = (tenant: TenantName, digest: string, more: Partial<Kept> = {}): Kept => {
    return { tenant, kind: 'code', digest, doc: `{"is":"${digest}"}`, expires: LATER, ...more }
  }

  test('of fifty that take one thing at once, over two authorities, one gets it', async () => {
    const { one, two, tenant } = await stores()
    await one.keep(kept(tenant, 'once'))
    expect(await two.look(tenant, 'code', 'once')).toBe('{"is":"once"}')
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, at) => (at % 2 ? one : two).take(tenant, 'code', 'once')),
    )
    expect(all.filter((doc) => doc !== undefined)).toEqual(['{"is":"once"}'])
    expect(await one.look(tenant, 'code', 'once')).toBeUndefined()
  })

  test('what is kept is of its kind and tenant, and over at its end', async () => {
    const { one, tenant } = await stores()
    await one.keep(kept(tenant, 'k'))
    await one.keep(kept(tenant, 'old', { expires: epochSeconds(Math.floor(AT / 1000) - 5) }))
    expect(await one.take(tenant, 'consent', 'k')).toBeUndefined()
    expect(await one.take(`${tenant}-b` as TenantName, 'code', 'k')).toBeUndefined()
    expect(await one.look(tenant, 'code', 'old')).toBeUndefined()
    expect(await one.take(tenant, 'code', 'old')).toBeUndefined()
    expect(await one.take(tenant, 'code', 'k')).toBe('{"is":"k"}')
  })

  test('no more of a kind are kept than there may be, whoever comes at once', async () => {
    const { one, two, tenant } = await stores()
    const all = await Promise.all(
      Array.from({ length: 12 }, (_, at) =>
        (at % 2 ? one : two).keep(kept(tenant, `c${at}`, { kind: 'client' }), 5),
      ),
    )
    expect(all.filter(Boolean)).toHaveLength(5)
    expect(await one.keep(kept(`${tenant}-b` as TenantName, 'c', { kind: 'client' }), 5)).toBe(true)
  })
}

export function renewalContract(stores: () => Promise<StoresUnderTest>): void {
  const session = 'ses_r' as SessionId
  const step = (tenant: TenantName, presented: string, next: string, grace: number) => {
    return { tenant, session, presented, next, grace }
  }

  test('each token gives the next; one that was replaced tells that somebody holds a copy', async () => {
    const { one, two, tenant } = await stores()
    await one.beginRenewal(renewalOf(tenant, 'r'))
    expect(await two.renewal(tenant, session)).toEqual({
      seed: 'seed',
      doc: '{"for":"ana"}',
      current: 'first',
      expires: LATER,
    })
    expect(await two.mayRenew(step(tenant, 'first', 'second', 0))).toBe('renewed')
    expect(await one.renew(step(tenant, 'first', 'second', 0))).toBe('renewed')
    expect(await two.mayRenew(step(tenant, 'never', 'second', 0))).toBe('reused')
    expect(await two.renew(step(tenant, 'second', 'third', 0))).toBe('renewed')
    expect(await one.renew(step(tenant, 'first', 'second', 60))).toBe('reused')
    expect(await one.renew(step(tenant, 'never', 'second', 60))).toBe('reused')
    await two.endRenewal(tenant, session)
    expect(await one.renew(step(tenant, 'third', 'fourth', 60))).toBe('unknown')
    expect(await one.renewal(tenant, session)).toBeUndefined()
  })

  test('two that race with one token get the same next one, within the grace', async () => {
    const { one, two, tenant } = await stores()
    await one.beginRenewal(renewalOf(tenant, 'r'))
    const all = await Promise.all(
      [one, two, one, two].map((store) => store.renew(step(tenant, 'first', 'second', 30))),
    )
    expect(new Set(all)).toEqual(new Set(['renewed']))
    expect(await one.renew(step(tenant, 'second', 'third', 30))).toBe('renewed')
    // Now it is two back: the grace is for a race, not for a copy.
    expect(await one.renew(step(tenant, 'first', 'second', 30))).toBe('reused')
  })

  test('a session is renewed in its own tenant, and not past its end', async () => {
    const { one, tenant } = await stores()
    await one.beginRenewal({ ...renewalOf(tenant, 'r'), expires: epochSeconds(Math.floor(AT / 1000) - 5) })
    expect(await one.renew(step(tenant, 'first', 'second', 30))).toBe('unknown')
    const other = `${tenant}-b` as TenantName
    await one.beginRenewal(renewalOf(tenant, 's'))
    expect(await one.renew({ ...step(other, 'first', 'second', 30), session: 'ses_s' as SessionId })).toBe(
      'unknown',
    )
  })
}
