import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CredentialAsk } from '../../src/core/enforcement.ts'
import type { RecorderId, TenantName } from '../../src/core/ids.ts'
import { DOCUMENTS } from '../../src/core/registry.ts'
import { canonicalBody, chainStart, recordHash } from '../../src/lib/record-chain.ts'
import { randomId } from '../../src/stores/postgres/store/random.ts'
import { type Border, type Stolen, startBorder, uriOf } from '../fakes/border.ts'

let border: Border
let stolen: Stolen
beforeAll(async () => {
  border = await startBorder()
  stolen = await border.stolen()
})
afterAll(() => border.close())

/** The reason of the answer to a question about a caller; `given` when it was a credential. */
async function asking(
  ask: CredentialAsk,
  path = '/gateway/v1/credentials',
  thief = stolen,
): Promise<unknown> {
  const { json } = await thief.call('POST', path, ask)
  const refusal = json['refusal'] as { readonly reason: string } | undefined
  return json['ok'] === true ? 'given' : (refusal?.reason ?? json['reason'])
}

test('what it holds serves callers who are there', async () => {
  const caller = border.caller('a')
  expect(await asking(caller.ask())).toBe('given')
})

test('it can not mint without a caller', async () => {
  const caller = border.caller('a')
  const presented = { method: 'POST', url: caller.aud }
  expect(await asking(caller.ask({ presented: { ...presented, authorization: '' } }))).toBe('token.scheme')
  const own = { ...presented, authorization: `DPoP ${stolen.token}`, dpop: stolen.proof('POST', caller.aud) }
  expect(await asking(caller.ask({ presented: own }))).toBe('token.issuer')
  expect(border.leasing.live.size).toBe(1)
})

test('it can not act for a caller who is gone: a proof counts once, and only the caller makes it', async () => {
  const caller = border.caller('a')
  const ask = caller.ask()
  expect(await asking(ask)).toBe('given')
  expect(await asking(ask)).toBe('dpop.replayed')
  const old = { ...caller.present(), dpop: stolen.proof('POST', caller.aud) }
  expect(await asking(caller.ask({ presented: old }))).toBe('dpop.token')
  const bare = { authorization: `Bearer ${caller.token}`, method: 'POST', url: caller.aud }
  expect(await asking(caller.ask({ presented: bare }))).toBe('token.bound')
})

test('a token that passed for one resource is no credential for another', async () => {
  const caller = border.caller('a', { resource: 'catalogue' })
  expect(await asking(caller.ask({ resource: 'orders', tool: 'get_order' }))).toBe('gateway.other_request')
  const presented = { ...caller.present(), url: uriOf('a', 'orders') }
  expect(await asking(caller.ask({ resource: 'orders', tool: 'get_order', presented }))).toBe(
    'token.audience',
  )
})

test('a proof of another request than the call is none', async () => {
  const caller = border.caller('a')
  const listening = { ...caller.present({ htm: 'GET' }), method: 'GET' }
  expect(await asking(caller.ask({ presented: listening }))).toBe('gateway.other_request')
})

test('what the caller may not do, it may not do either', async () => {
  const caller = border.caller('a')
  expect(await asking(caller.ask({ tool: 'cancel' }))).toMatch(/no_permit/)
  expect(await asking(caller.ask({ tool: 'cancel' }), '/gateway/v1/spend')).toMatch(/no_permit/)
})

test('a tenant that it is not listed for is as unknown to it as one that does not exist', async () => {
  const caller = border.caller('b')
  expect(await asking(caller.ask())).toBe('gateway.not_listed')
  expect(await asking(caller.ask({ tenant: 'nowhere' as TenantName }))).toBe('gateway.not_listed')
  expect(await border.events('operator', 'gateway.not_listed')).toHaveLength(2)
  const other = await border.stolen('other')
  expect(await asking(border.caller('b').ask(), '/gateway/v1/credentials', other)).toBe('given')
  const catalogue = border.caller('b', { resource: 'catalogue' })
  expect(await asking(catalogue.ask(), '/gateway/v1/credentials', other)).toBe('gateway.not_listed')
})

test('its feed holds the listed tenants and nothing else', async () => {
  const link = await border.link('seer')
  await link.ready
  expect([...link.point.snapshot().tenants.keys()]).toEqual(['a'])
  const change = (tenant: string) => {
    const doc = DOCUMENTS.resource.parse({
      resource: 'new',
      type: 'mcp',
      at: 'https://new.example/',
      tools: {},
    })
    return border.store.commit({
      events: [],
      changes: [{ tenant: tenant as TenantName, kind: 'resource', name: 'new', doc }],
    })
  }
  const written = await change('b')
  await border.live.refresh()
  await change('a')
  await border.live.refresh()
  await expect
    .poll(() =>
      link.point
        .snapshot()
        .tenants.get('a' as TenantName)
        ?.resources.has('new'),
    )
    .toBe(true)
  expect(link.point.snapshot().revision).toBeGreaterThan(written.done ? written.revision : 0)
  expect(JSON.stringify([...link.point.snapshot().tenants.keys()])).toBe('["a"]')
  expect(link.point.snapshot().tenants.get('a' as TenantName)?.trusts.size).toBe(0)
  await link.close()
})

const head = (recorder: string) => chainStart(recorder)
function recordOf(recorder: string, n: number, prev: string, more: object = {}) {
  const event = {
    v: 1,
    id: randomId('event'),
    recorder,
    tenant: 'a',
    at: Date.now(),
    kind: 'decision',
    outcome: 'deny',
    reason: 'test',
  }
  const body = { event: { ...event, ...more }, openings: {} }
  return { n, prev, hash: recordHash(prev, canonicalBody(body)), body }
}
const shipping = async (recorder: string, records: readonly object[], thief = stolen) => {
  const { status, json } = await thief.call('POST', '/gateway/v1/journal', { recorder, records })
  return status === 200 ? json['next'] : json['reason']
}

test('it can not change, drop or replace a record that it shipped', async () => {
  const recorder = randomId('recorder')
  const one = recordOf(recorder, 1, head(recorder).hash)
  const two = recordOf(recorder, 2, one.hash)
  expect(await shipping(recorder, [one, two])).toBe(3)
  expect(await shipping(recorder, [one, two])).toBe(3)
  expect(await shipping(recorder, [recordOf(recorder, 2, one.hash, { reason: 'other' })])).toBe(
    'journal.fork',
  )
  expect(await shipping(recorder, [recordOf(recorder, 3, one.hash)])).toBe('journal.fork')
  expect(await shipping(recorder, [recordOf(recorder, 4, two.hash)])).toBe('journal.gap')
  const three = recordOf(recorder, 3, two.hash)
  const altered = { ...three, body: recordOf(recorder, 3, two.hash, { reason: 'bent' }).body }
  expect(await shipping(recorder, [altered])).toBe('journal.altered')
  expect(await shipping(recorder, [altered])).toBe('journal.altered')
  expect(await shipping(recorder, [recordOf(recorder, 3, two.hash, { tenant: 'b' })])).toBe('journal.tenant')
  const alarms = await border.store.audit({ tenant: 'operator' as TenantName, limit: 200 })
  const journal = alarms.filter(
    ({ event }) => event.kind === 'alarm' && event.facts?.['journal'] === recorder,
  )
  expect(journal.map(({ event }) => event.reason).sort()).toEqual([
    'journal.altered',
    'journal.fork',
    'journal.gap',
    'journal.tenant',
  ])
  expect(await shipping(recorder, [three])).toBe(4)
})

test('it can not write into the records of another gateway, or of an authority', async () => {
  const recorder = randomId('recorder')
  const other = await border.stolen('other')
  const first = recordOf(recorder, 1, head(recorder).hash, { tenant: 'b' })
  expect(await shipping(recorder, [first], other)).toBe(2)
  expect(await shipping(recorder, [recordOf(recorder, 2, first.hash)])).toBe('journal.fork')
  const authority: RecorderId = border.store.recorder
  expect(await shipping(authority, [recordOf(authority, 1, head(authority).hash)])).toBe('journal.fork')
})

test('its credential without its key, with another proof, or as a bearer, is nothing', async () => {
  const ask = () => border.caller('a').ask()
  const with_ = async (headers: Record<string, string>) =>
    (await stolen.call('POST', '/gateway/v1/credentials', ask(), headers)).json['reason']
  expect(await with_({ authorization: `Bearer ${stolen.token}` })).toBe('gateway.scheme')
  const other = await border.stolen()
  expect(await with_({ dpop: other.proof('POST', `${border.origin}/gateway/v1/credentials`) })).toBe(
    'dpop.token',
  )
  expect(await with_({ dpop: '' })).toBe('dpop.malformed')
  expect(await with_({ authorization: `DPoP ${border.caller('a').token}` })).toBe('gateway.token')
  for (const [method, path] of [
    ['GET', '/gateway/v1/feed'],
    ['POST', '/gateway/v1/ack'],
    ['GET', '/gateway/v1/journal?recorder=rec_a'],
    ['POST', '/gateway/v1/journal'],
    ['POST', '/gateway/v1/credentials'],
    ['POST', '/gateway/v1/spend'],
  ] as const) {
    const bare = await stolen.call(method, path, method === 'POST' ? {} : undefined, { authorization: '' })
    expect([path, bare.status]).toEqual([path, 401])
  }
})

test('once it is revoked it can do nothing, and neither can it come back', async () => {
  const link = await border.link('victim', 'other')
  await link.ready
  const other = await border.stolen('other')
  const revoked = await border.revoke({ tenant: 'operator' as TenantName, link: 'gateway:other' })
  expect(revoked.ok).toBe(true)
  expect(await asking(border.caller('b').ask(), '/gateway/v1/credentials', other)).toBe('gateway.revoked')
  expect(await shipping(randomId('recorder'), [recordOf('rec_x', 1, head('rec_x').hash)], other)).toBe(
    'gateway.revoked',
  )
  await expect.poll(() => link.point.staleMs()).toBe(Infinity)
  expect(link.point.serves('b')).toBe(false)
  expect((await border.stolen('other')).token).toBe('undefined')
  await link.close()
})
