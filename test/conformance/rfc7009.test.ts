import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { claimsOf, type FakeAuthority } from '../fakes/authority.ts'
import { BEARER, idToken, type Runner, runner, startStory, TYPE } from '../fakes/authority-story.ts'

let authority: FakeAuthority
let support: Runner
let held: string
beforeAll(async () => {
  authority = await startStory()
})
afterAll(() => authority.close())
beforeEach(async () => {
  support = runner(authority, 'support', { pod: crypto.randomUUID() })
  held = String((await support.exchange('a', idToken())).body.access_token)
  authority.store.events.length = 0
})
const at = () => `${authority.issuer('a')}/revoke`
const as = async (one: Runner) => ({
  client_assertion_type: BEARER,
  client_assertion: await one.agentToken('a'),
})
const active = async (token: string) =>
  (await support.post(`${authority.issuer('a')}/introspect`, { token, ...(await as(support)) })).body.active
const revocations = () => [
  ...(authority.store
    .snapshot()
    .tenants.get('a' as never)
    ?.revocations.keys() ?? []),
]

describe('RFC 7009: revocation', () => {
  it('§2.1 ends a token of the client, and what was derived from it, and records that', async () => {
    const derived = String(
      (await support.exchange('a', held, { subject_token_type: `${TYPE}access_token` })).body.access_token,
    )
    expect(await active(derived)).toBe(true)
    const answered = await support.post(at(), {
      token: held,
      token_type_hint: 'refresh_token',
      ...(await as(support)),
    })
    expect([answered.status, answered.body]).toEqual([200, {}])
    expect([await active(held), await active(derived)]).toEqual([false, false])
    expect(authority.store.events).toContainEqual(
      expect.objectContaining({ kind: 'revocation', reason: 'revoked.by_client', token: claimsOf(held).jti }),
    )
    expect(
      (await support.exchange('a', held, { subject_token_type: `${TYPE}access_token` })).body.reason,
    ).toBe('subject.revoked')
  })
  it("§2.1 ends nothing of another client's, and does not say so (§2.2)", async () => {
    const router = runner(authority, 'router', { pod: crypto.randomUUID() })
    const before = revocations()
    expect((await router.post(at(), { token: held, ...(await as(router)) })).status).toBe(200)
    expect(revocations()).toEqual(before)
    expect(await active(held)).toBe(true)
  })
  it.each(['x', 'a.b.c', ''])(
    '§2.2 answers 200 for a token that is none, and 400 for no token: %j',
    async (token) => {
      const before = revocations()
      expect((await support.post(at(), { token, ...(await as(support)) })).status).toBe(
        token === '' ? 400 : 200,
      )
      expect(revocations()).toEqual(before)
    },
  )
  it('§2.1 needs an authenticated client', async () => {
    expect(await support.post(at(), { token: held })).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    })
    expect(await active(held)).toBe(true)
  })
})
