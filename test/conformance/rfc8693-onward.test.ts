import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { newSigningKey } from '../../src/lib/jose/signing-key.ts'
import { claimsOf, type FakeAuthority, START } from '../fakes/authority.ts'
import { CATALOGUE, idToken, type Runner, runner, startStory, TYPE } from '../fakes/authority-story.ts'
import { signAs } from '../fakes/tenant.ts'

let authority: FakeAuthority
let support: Runner
beforeAll(async () => {
  authority = await startStory()
})
afterAll(() => authority.close())
beforeEach(() => {
  authority.clock.now = START
  support = runner(authority, 'support', { pod: crypto.randomUUID() })
})

describe('RFC 8693 §4.1: onward from a token of ours', () => {
  const own = (token: unknown, form: Record<string, string> = {}) =>
    [String(token), { subject_token_type: `${TYPE}access_token`, ...form }] as const
  it('only narrows', async () => {
    const wide = (await support.exchange('a', idToken(), { scope: 'orders/get_order orders/list_orders' }))
      .body.access_token
    const narrow = await support.exchange('a', ...own(wide, { scope: 'orders/get_order' }))
    expect(narrow.body.scope).toBe('orders/get_order')
    const again = await support.exchange(
      'a',
      ...own(narrow.body.access_token, { scope: 'orders/get_order orders/list_orders' }),
    )
    expect(again.body.scope).toBe('orders/get_order')
    expect((await support.exchange('a', ...own(narrow.body.access_token))).body.scope).toBe(
      'orders/get_order',
    )
    expect(
      (await support.exchange('a', ...own(narrow.body.access_token, { scope: 'orders/list_orders' }))).body
        .reason,
    ).toBe('scope.none_permitted')
    expect(
      (await support.exchange('a', ...own(narrow.body.access_token, { resource: CATALOGUE('a') }))).body
        .reason,
    ).toBe('scope.other_resource')
    const [before, after] = [claimsOf(wide), claimsOf(narrow.body.access_token)]
    expect([after.sub, after.sid]).toEqual([before.sub, before.sid])
    expect(Number(after.exp)).toBeLessThanOrEqual(Number(before.exp))
    expect(Number(after.rev)).toBeLessThanOrEqual(Number(before.rev))
    expect(after.lin).toContain(`token:${before.jti}`)
  })
  it('keeps the user and adds the agent that it was handed to', async () => {
    const router = runner(authority, 'router', { pod: crypto.randomUUID() })
    const first = (await router.exchange('a', idToken({ aud: 'a-router' }))).body.access_token
    const onward = claimsOf((await support.exchange('a', ...own(first))).body.access_token)
    expect(onward).toMatchObject({
      sub: claimsOf(first).sub,
      client_id: 'operator/support',
      chn: ['operator/router', 'operator/support'],
      act: { sub: 'operator/support', act: { sub: 'operator/router' } },
    })
    expect(onward.lin).toEqual(
      expect.arrayContaining([
        'agent:operator/router',
        'agent:operator/support',
        `session:${claimsOf(first).sid}`,
      ]),
    )
  })
  it('keeps the lowest revision, so that what ended the first ends the second', async () => {
    const held = (await support.exchange('a', idToken())).body.access_token
    authority.store.apply([{ tenant: 'b', kind: 'revocation', name: 'user:x', doc: null } as never])
    const onward = (await support.exchange('a', ...own(held))).body.access_token
    expect(claimsOf(onward).rev).toBe(claimsOf(held).rev)
    expect(claimsOf((await support.exchange('a', idToken())).body.access_token).rev).toBeGreaterThan(
      Number(claimsOf(held).rev),
    )
  })
  it('ends at eight agents and 32 links', async () => {
    const held = claimsOf((await support.exchange('a', idToken())).body.access_token)
    const key = authority.keys.get('a') ?? newSigningKey()
    const handed = (over: object) => signAs(key, 'at+jwt', { ...held, client_id: 'operator/router', ...over })
    const agents = (count: number) => ({ chn: Array.from({ length: count }, () => 'operator/router') })
    const links = (count: number) => ({ lin: Array.from({ length: count }, (_, at) => `key:k${at}`) })
    expect((await support.exchange('a', ...own(handed(agents(7))))).status).toBe(200)
    expect((await support.exchange('a', ...own(handed(agents(8))))).body.reason).toBe('chain.too_long')
    expect((await support.exchange('a', ...own(handed(links(30))))).body.reason).toBe('chain.too_long')
  })
  it('does not multiply a single use, nor go onward without its key', async () => {
    const once = (await support.exchange('a', idToken(), { single_use: 'true' })).body.access_token
    expect((await support.exchange('a', ...own(once))).body.reason).toBe('subject.single_use')
    const held = (await support.exchange('a', idToken())).body.access_token
    const twin = runner(authority, 'support', { pod: crypto.randomUUID() })
    expect((await twin.exchange('a', ...own(held))).body.reason).toBe('subject.bound')
  })
  it("takes no token of ours that is another tenant's, and none as an ID token", async () => {
    const held = (await support.exchange('a', idToken())).body.access_token
    expect((await support.exchange('b', ...own(held))).body.reason).toBe('subject.issuer_untrusted')
    expect((await support.exchange('a', String(held))).body.reason).toBe('subject.type')
  })
  it('ends with what it came from', async () => {
    const held = (await support.exchange('a', idToken({ sid: 'sid-9' }))).body.access_token
    const jti = String(claimsOf(held).jti)
    authority.store.apply([
      {
        tenant: 'a' as never,
        kind: 'revocation',
        name: `token:${jti}`,
        doc: { revocation: `token:${jti}`, standing: true, reason: 'test' },
      },
    ])
    expect((await support.exchange('a', ...own(held))).body.reason).toBe('subject.revoked')
  })
})
