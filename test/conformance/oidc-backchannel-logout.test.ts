import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type FakeAuthority, foreignIssuer, postForm, START } from '../fakes/authority.ts'
import { BEARER, COMPANY, idToken, type Runner, runner, startStory } from '../fakes/authority-story.ts'

let authority: FakeAuthority
let support: Runner
beforeAll(async () => {
  authority = await startStory()
})
afterAll(() => authority.close())
let sid: string
beforeEach(() => {
  authority.clock.now = START
  support = runner(authority, 'support', { pod: crypto.randomUUID() })
  sid = crypto.randomUUID()
})

const EVENTS = { 'http://schemas.openid.net/event/backchannel-logout': {} }
const logoutToken = (over: Record<string, unknown> = {}, typ = 'logout+jwt', by = COMPANY) =>
  by.sign(
    {
      aud: 'a-support',
      iat: START,
      exp: START + 120,
      jti: crypto.randomUUID(),
      events: EVENTS,
      sid,
      ...over,
    },
    typ,
  )
const deliver = (token: string, tenant = 'a', idp = 'sso') =>
  postForm(`${authority.issuer(tenant)}/logout/${idp}`, { logout_token: token })
const exchange = async (over: Record<string, unknown> = {}) =>
  support.exchange('a', idToken({ sid, ...over }))
async function held(over: Record<string, unknown> = {}) {
  const token = String((await exchange(over)).body.access_token)
  return async () => {
    const by = { client_assertion_type: BEARER, client_assertion: await support.agentToken('a') }
    return (await support.post(`${authority.issuer('a')}/introspect`, { token, ...by })).body.active
  }
}

describe('OpenID Connect Back-Channel Logout 1.0', () => {
  it('§2.6 ends what came from the session, and its tokens that are not yet used; §2.8 answers 200', async () => {
    const active = await held()
    expect(await active()).toBe(true)
    authority.store.events.length = 0
    const answered = await deliver(logoutToken())
    expect([answered.status, answered.headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect(await active()).toBe(false)
    expect((await exchange()).body).toMatchObject({ error: 'invalid_grant', reason: 'login.revoked' })
    expect(authority.store.events).toContainEqual(
      expect.objectContaining({ kind: 'revocation', reason: 'login.logged_out', tenant: 'a' }),
    )
  })
  it('§2.4 by sid leaves the other sessions of the user', async () => {
    const other = await held({ sid: crypto.randomUUID() })
    await deliver(logoutToken())
    expect(await other()).toBe(true)
  })
  it('§2.4 by sub ends every session until now, and lets the user sign in again', async () => {
    const one = await held({ sub: 'abe' })
    const two = await held({ sub: 'abe', sid: undefined })
    const ana = await held()
    expect((await deliver(logoutToken({ sid: undefined, sub: 'abe' }))).status).toBe(200)
    expect([await one(), await two(), await ana()]).toEqual([false, false, true])
    expect((await exchange({ sub: 'abe', sid: crypto.randomUUID() })).body.reason).toBe('login.ended')
    expect((await exchange({ sub: 'abe', iat: START + 2, auth_time: START - 30 })).body.reason).toBe(
      'login.ended',
    )
    authority.clock.now = START + 2
    expect(
      (await exchange({ sub: 'abe', sid: crypto.randomUUID(), iat: START + 1, auth_time: START + 1 })).status,
    ).toBe(200)
  })
  it('§2.4 by sid and sub also ends what stated no sid', async () => {
    const unnamed = await held({ sub: 'abe', sid: undefined, iat: START, auth_time: START + 3 })
    expect(await unnamed()).toBe(true)
    await deliver(logoutToken({ sub: 'abe', iat: START + 4 }))
    expect(await unnamed()).toBe(false)
  })
  it('§2.4 is taken with typ JWT, and with our issuer as audience', async () => {
    expect((await deliver(logoutToken({}, 'JWT'))).status).toBe(200)
    expect((await deliver(logoutToken({ aud: authority.issuer('a') }))).status).toBe(200)
  })
  it.each([
    ['an ID token', () => idToken(), 'logout.claims'],
    ['a nonce', () => logoutToken({ nonce: 'n' }), 'logout.claims'],
    ['no events', () => logoutToken({ events: undefined }), 'logout.claims'],
    [
      'another event',
      () => logoutToken({ events: { 'http://schemas.openid.net/event/other': {} } }),
      'logout.claims',
    ],
    [
      'an event that is no object',
      () => logoutToken({ events: { 'http://schemas.openid.net/event/backchannel-logout': null } }),
      'logout.claims',
    ],
    ['neither sid nor sub', () => logoutToken({ sid: undefined }), 'logout.claims'],
    ['a sid that is no text', () => logoutToken({ sid: 1, sub: 'ana' }), 'logout.claims'],
    ['no jti', () => logoutToken({ jti: undefined }), 'logout.claims'],
    ['no iat', () => logoutToken({ iat: undefined }), 'logout.malformed'],
    ['an end that passed', () => logoutToken({ exp: START - 10 }), 'logout.time'],
    ['too old an iat', () => logoutToken({ iat: START - 700 }), 'logout.time'],
    ['the future', () => logoutToken({ iat: START + 60 }), 'logout.time'],
    ['another client', () => logoutToken({ aud: 'b-support' }), 'logout.audience'],
    ['another issuer', () => logoutToken({ iss: 'https://login.b.example' }), 'logout.audience'],
    ['another key', () => logoutToken({}, 'logout+jwt', foreignIssuer(COMPANY.issuer)), 'logout.signature'],
    ['another kind', () => logoutToken({}, 'at+jwt'), 'logout.malformed'],
    ['no token', () => 'x', 'logout.malformed'],
    ['nothing', () => '', 'request.logout_token'],
  ])('§2.6, §2.8 is refused with 400, changing nothing: %s', async (_name, token, expected) => {
    const active = await held()
    const { revision } = authority.store.snapshot()
    const answered = await deliver(token())
    expect([answered.status, answered.body.error, answered.body.reason]).toEqual([
      400,
      'invalid_request',
      expected,
    ])
    expect(authority.store.snapshot().revision).toBe(revision)
    expect(await active()).toBe(true)
  })
  it('§2.6 step 8 takes each token once', async () => {
    const token = logoutToken()
    expect((await deliver(token)).status).toBe(200)
    expect((await deliver(token)).body.reason).toBe('logout.replayed')
  })
  it("ends nothing at another tenant, and at no provider that isn't there", async () => {
    expect((await deliver(logoutToken(), 'b')).status).toBe(400)
    expect((await deliver(logoutToken(), 'a', 'nowhere')).status).toBe(404)
    expect((await deliver(logoutToken(), 'nowhere')).status).toBe(404)
  })
})
