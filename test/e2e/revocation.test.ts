import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Lease } from '../../src/core/credential/lease.ts'
import type { EnforcementPoint } from '../../src/core/enforcement.ts'
import type { LeaseId, TenantName } from '../../src/core/ids.ts'
import type { Link } from '../../src/core/lifecycle/revocation.ts'
import { reveal } from '../../src/core/secret.ts'
import { restore } from '../../src/flows/restore.ts'
import { type Border, startBorder } from '../fakes/border.ts'

const a = 'a' as TenantName

let border: Border
let one: Awaited<ReturnType<Border['link']>>
let two: Awaited<ReturnType<Border['link']>>
beforeAll(async () => {
  border = await startBorder()
  one = await border.link('edge-1')
  two = await border.link('edge-2')
  await Promise.all([one.ready, two.ready])
})
afterAll(() => border.close())
afterEach(() => {
  border.leasing.failing = false
  border.leasing.during = async () => undefined
})

const lift = (link: string) =>
  restore(
    { ...border.live, store: border.store, now: () => Date.now() as never },
    { tenant: a, link, reason: 'sorted out', by: 'lee' },
  )
const reasonOf = (result: Awaited<ReturnType<EnforcementPoint['spend'] | EnforcementPoint['credential']>>) =>
  result.ok ? 'given' : result.error.reason
const openLeases = () => border.store.openLeases({ tenant: a })
async function leased(caller = border.caller('a')): Promise<LeaseId> {
  const given = await one.point.credential(caller.ask())
  if (!given.ok) throw new Error(given.error.reason)
  return given.value.lease
}

test('a credential comes with a lease, bounded by the token, and is recorded before it is given', async () => {
  const caller = border.caller('a', { claims: { exp: Math.floor(Date.now() / 1000) + 20 } })
  const ask = caller.ask()
  const given = await one.point.credential(ask)
  expect(given.ok).toBe(true)
  if (!given.ok) return
  const { lease, credential } = given.value
  expect(reveal(credential.secret)).toBe(`secret of ${lease}`)
  expect(credential.expires).toBeLessThanOrEqual(Math.floor(Date.now() / 1000) + 20)
  const events = await border.store.audit({ tenant: a, decision: ask.decision, limit: 10 })
  expect(events.map(({ event }) => [event.kind, event.reason, event.lease])).toEqual([
    ['decision', 'allowed', lease],
    ['lease', 'lease.issued', lease],
  ])
  expect(events[0]?.event.facts).toMatchObject({ gateway: 'edge', instance: 'edge-1' })
})

test('a single-use token works once, however many gateways are asked at the same time', async () => {
  const caller = border.caller('a', { claims: { once: true } })
  const asks = Array.from({ length: 20 }, (_, at) =>
    [one, two][at % 2]?.point[at % 3 === 0 ? 'spend' : 'credential'](caller.ask()),
  )
  const reasons = (await Promise.all(asks)).map((each) => each && reasonOf(each))
  expect(reasons.filter((each) => each === 'given')).toHaveLength(1)
  expect(reasons.filter((each) => each === 'token.spent')).toHaveLength(19)
  expect(await border.events('a', 'token.spent')).toHaveLength(19)
})

test('a token for many uses is nothing to spend', async () => {
  expect(reasonOf(await one.point.spend(border.caller('a').ask()))).toBe('token.not_once')
})

test('revoking a session ends its leases, reaches both gateways, and answers with what it did', async () => {
  const caller = border.caller('a')
  const lease = await leased(caller)
  const report = await border.revoke({ link: `session:${caller.session}`, standing: true })
  expect(report.ok && report.value.leases).toEqual({ ended: [lease], failed: [] })
  if (!report.ok) return
  expect(report.value.gateways.map(({ instance }) => instance).sort()).toEqual(['edge-1', 'edge-2'])
  for (const { ms } of report.value.gateways) expect(ms).toBeGreaterThanOrEqual(0)
  expect(border.leasing.live.has(lease)).toBe(false)
  expect((await openLeases()).map(({ id }) => id)).not.toContain(lease)
  for (const { point } of [one, two]) {
    const link: Link = `session:${caller.session}`
    expect(point.snapshot().tenants.get(a)?.revocations.get(link)?.standing).toBe(true)
    expect(reasonOf(await point.credential(caller.ask()))).toBe('token.revoked')
  }
})

test('an agent and a user are revoked by the names that people know', async () => {
  const lease = await leased()
  const user = await border.revoke({ link: 'user:ana@a.example', standing: false })
  expect(user.ok && user.value.link).toMatch(/^user:usr_[a-z2-7]{16}$/)
  expect(user.ok && user.value.leases.ended).toContain(lease)
  const bot = await border.revoke({ link: 'agent:bot' })
  expect(bot.ok && bot.value.link).toBe('agent:a/bot')
  expect(reasonOf(await one.point.credential(border.caller('a').ask()))).toBe('token.revoked')
})

test('a standing revocation is lifted for what comes after, and what was ended stays so', async () => {
  await border.revoke({ link: 'agent:bot' })
  const before = border.caller('a')
  expect((await lift('agent:bot')).ok).toBe(true)
  expect(reasonOf(await one.point.credential(before.ask()))).toBe('token.revoked')
  expect(reasonOf(await one.point.credential(border.caller('a').ask()))).toBe('given')
  const again = await lift('agent:bot')
  expect(!again.ok && again.error.reason).toBe('revocation.not_standing')
})

test.each([
  ['agent:nobody', 'link.unknown'],
  ['agent:b/bot', 'link.unknown'],
  ['tenant:b', 'link.unknown'],
  ['gateway:edge', 'link.unknown'],
  ['user:nobody@a.example', 'link.unknown'],
  ['delegation:nothing', 'link.unknown'],
  ['pod:x', 'link.malformed'],
  ['session:', 'link.malformed'],
])('a tenant can not revoke %s', async (link, reason) => {
  const report = await border.revoke({ link })
  expect(!report.ok && report.error.reason).toBe(reason)
})

test('a lease whose ground goes while its credential is made is ended, not given', async () => {
  const caller = border.caller('a')
  border.leasing.during = async () => {
    await border.revoke({ link: `session:${caller.session}`, waitMs: 0 })
  }
  const before = border.leasing.live.size
  expect(reasonOf(await one.point.credential(caller.ask()))).toBe('chain.revoked')
  expect(border.leasing.live.size).toBe(before)
})

test('a lease that can not be ended is named, and ended by the sweep once that works', async () => {
  const caller = border.caller('a')
  const lease = await leased(caller)
  border.leasing.failing = true
  const report = await border.revoke({ link: `session:${caller.session}` })
  expect(report.ok && report.value.leases.failed).toEqual([
    { lease, resource: 'orders', reason: 'target.unreachable' },
  ])
  expect((await border.leases.sweepAll()).ended).toEqual([])
  border.leasing.failing = false
  await expect.poll(async () => (await border.leases.sweepAll()).ended, { timeout: 3000 }).toEqual([lease])
  expect((await openLeases()).map(({ id }) => id)).not.toContain(lease)
})

test('what a crash left is swept: past its end, and pending for too long', async () => {
  const id = await leased()
  const [known] = (await openLeases()).filter((lease) => lease.id === id)
  if (!known) throw new Error('no lease')
  const orphan: Lease = { ...known, id: 'lea_orphan' as LeaseId, handle: '', state: 'pending' }
  const past: Lease = { ...orphan, id: 'lea_past' as LeaseId, expires: 1 as Lease['expires'] }
  await border.store.commit({ events: [], lease: { open: orphan } })
  await border.store.commit({ events: [], lease: { open: past } })
  expect((await border.leases.sweepAll()).ended).toEqual([past.id])
  border.clock.skip += 61_000
  expect((await border.leases.sweepAll()).ended).toEqual([orphan.id])
  border.clock.skip = 0
})

test('a gateway that does not answer is named as missing, and the revocation stands', async () => {
  const silent = await border.stolen()
  const feed = await silent.listen()
  const report = await border.revoke({ link: 'session:ses_x', waitMs: 50 })
  expect(report.ok && report.value.gateways.find(({ instance }) => instance === 'taken')).toEqual({
    gateway: 'edge',
    instance: 'taken',
  })
  feed.abort()
})
