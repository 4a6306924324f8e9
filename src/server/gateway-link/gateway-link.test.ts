import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Border, evidenceOf, startBorder } from '../../../test/fakes/border.ts'
import type { AuditDraft } from '../../core/audit/audit-event.ts'
import type { DecisionId, TenantName } from '../../core/ids.ts'
import { epochMillis } from '../../core/time.ts'

const a = 'a' as TenantName

let border: Border
beforeAll(async () => {
  border = await startBorder()
})
afterAll(() => border.close())

const draft = (reason: string, tenant = a): AuditDraft => ({
  tenant,
  at: epochMillis(Date.now()),
  kind: 'decision',
  outcome: 'deny',
  reason,
  personal: { user: 'ana@a.example' },
})

test('is ready once the authority said that its view is current', async () => {
  const link = await border.link('ready')
  await link.ready
  expect(link.point.staleMs()).toBeLessThan(2000)
  expect(link.point.serves('a', 'orders')).toBe(true)
  expect(link.point.serves('b')).toBe(false)
  expect(link.point.snapshot().revision).toBe(border.live.snapshot().revision)
  await expect
    .poll(() => border.feeds.connected().find(({ instance }) => instance === 'ready')?.ms)
    .toBeGreaterThan(0)
  await link.close()
  await expect.poll(() => border.feeds.connected()).toEqual([])
})

test('what it records is in the log of the tenant, under its own recorder', async () => {
  const link = await border.link('records')
  await link.ready
  await Promise.all(Array.from({ length: 30 }, () => link.point.record(draft('test.recorded'))))
  await expect.poll(async () => (await border.events('a', 'test.recorded')).length).toBe(30)
  const events = await border.events('a', 'test.recorded')
  expect(events.map(({ event }) => event.n)).toEqual(Array.from({ length: 30 }, (_, at) => at + 1))
  expect(new Set(events.map(({ event }) => event.recorder)).size).toBe(1)
  expect(events[0]?.openings.user?.value).toBe('ana@a.example')
  await link.close()
})

test('a policy that one gateway doubts is in quarantine at all of them', async () => {
  const [link, other] = [await border.link('doubts'), await border.link('hears')]
  await Promise.all([link.ready, other.ready])
  const [policy = ''] = border.live.snapshot().tenants.get(a)?.policies.byName.keys() ?? []
  const doubt = { tenant: a, policies: [policy], decision: 'dec_1' as DecisionId, says: 'they differ' }
  await link.report({ counts: { again: 1, differed: 1, dropped: 0 }, doubts: [doubt] })
  const held = () => [...(other.point.snapshot().tenants.get(a)?.quarantine.keys() ?? [])]
  await expect.poll(held).toEqual([policy])
  const [event] = await border.events('a', 'policy.quarantined')
  expect(event?.event).toMatchObject({ kind: 'alarm', facts: { gateway: 'edge', instance: 'doubts' } })
  await border.store.commit({
    events: [],
    changes: [{ tenant: a, kind: 'quarantine', name: policy, doc: null }],
  })
  await border.live.refresh()
  await expect.poll(held).toEqual([])
  await Promise.all([link.close(), other.close()])
})

test('records nothing of a tenant that it does not serve', async () => {
  const link = await border.link('narrow')
  await link.ready
  await expect(link.point.record(draft('test.foreign', 'b' as TenantName))).rejects.toMatchObject({
    reason: 'gateway.not_listed',
  })
  await link.close()
})

test('a restarted instance has a new key: the old one is ended, and somebody is told', async () => {
  const first = await border.link('again')
  await first.ready
  const old = border.feeds.connected().find(({ instance }) => instance === 'again')
  await first.close()
  const second = await border.link('again')
  await second.ready
  const revoked = border.live.snapshot().tenants.get('operator' as TenantName)?.revocations
  expect(revoked?.get(`key:${old?.key ?? ''}`)?.standing).toBe(true)
  expect(await border.events('operator', 'evidence.rebound')).toHaveLength(1)
  await second.close()
})

test('a copy of its evidence ends it, and it ends the copy: neither is unnoticed', async () => {
  const link = await border.link('copied')
  await link.ready
  const thief = await border.stolen('edge', evidenceOf(border.origin, 'edge', 'copied'))
  expect((await thief.call('GET', '/gateway/v1/journal?recorder=rec_x')).status).toBe(200)
  await expect.poll(() => link.point.staleMs()).toBe(Infinity)
  expect((await border.events('operator', 'evidence.rebound')).length).toBeGreaterThan(1)
  await link.close()
})

test.each([
  ['an agent', () => evidenceOf(border.origin, 'scanner', 'scanner-1'), 'gateway.unknown'],
  ['nobody', () => 'nonsense', 'jwt.malformed'],
  [
    'another audience',
    () => evidenceOf(border.origin, 'edge', 'x', { aud: 'https://elsewhere.example' }),
    '',
  ],
  ['the past', () => evidenceOf(border.origin, 'edge', 'x', { exp: 1_600_000_000, iat: 1_599_000_000 }), ''],
])('evidence of %s gives no credential', async (_whose, evidence, reason) => {
  const thief = await border.stolen('edge', evidence())
  expect(thief.token).toBe('undefined')
  expect(thief.reason).toContain(reason)
  expect((await border.events('operator', thief.reason)).length).toBeGreaterThan(0)
})

test('without evidence it keeps trying, and comes once there is some', async () => {
  const link = await border.link('late', 'edge', '30s', 'nonsense')
  await expect.poll(() => border.faults.length).toBeGreaterThan(0)
  expect(link.point.staleMs()).toBe(Infinity)
  await writeFile(link.evidence, evidenceOf(border.origin, 'edge', 'late'))
  await link.ready
  await link.close()
})

test('when the authority is gone it can ask for nothing, grows old, and comes back by itself', async () => {
  const link = await border.link('alone')
  await link.ready
  await border.stopServing()
  const ask = border.caller('a').ask()
  await expect(link.point.credential(ask)).rejects.toMatchObject({ reason: 'authority.unreachable' })
  await expect(link.point.spend(ask)).rejects.toMatchObject({ fault: 'unavailable' })
  await link.point.record(draft('test.alone'))
  const revision = link.point.snapshot().revision
  await new Promise((resolve) => setTimeout(resolve, 1200))
  expect(link.point.staleMs()).toBeGreaterThan(1000)
  expect(link.unshipped().records).toBe(1)
  await border.revoke({ link: 'session:ses_meanwhile', waitMs: 10 })
  expect(link.point.snapshot().revision).toBe(revision)
  await border.startServing()
  const seen = () => link.point.snapshot().tenants.get(a)?.revocations.has('session:ses_meanwhile')
  await expect.poll(seen, { timeout: 10_000 }).toBe(true)
  await expect.poll(async () => (await border.events('a', 'test.alone')).length, { timeout: 10_000 }).toBe(1)
  expect(link.point.staleMs()).toBeLessThan(1000)
  await link.close()
})

test.each([
  ['POST', '/gateway/v1/ack', {}],
  ['POST', '/gateway/v1/ack', { revision: -1 }],
  ['POST', '/gateway/v1/ack', { revision: 1, more: 1 }],
  ['POST', '/gateway/v1/journal', { recorder: 'x', records: [] }],
  ['POST', '/gateway/v1/journal', { recorder: 'rec_a', records: [{ n: 1 }] }],
  ['GET', '/gateway/v1/journal', undefined],
  ['GET', "/gateway/v1/journal?recorder=rec_'", undefined],
  ['POST', '/gateway/v1/credentials', []],
  ['POST', '/gateway/v1/credentials', { tenant: 'a' }],
  ['POST', '/gateway/v1/spend', { tenant: '../b' }],
] as const)('%s %s refuses %j as malformed', async (method, path, body) => {
  const holder = await border.stolen()
  const { status, json } = await holder.call(method, path, body)
  expect([status, json['reason']]).toEqual([400, 'gateway.body'])
})
