import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { claimsOf, type FakeAuthority, foreignIssuer, START } from '../fakes/authority.ts'
import {
  AGENT_TYPE,
  CATALOGUE,
  COMPANY,
  evidence,
  GRANT,
  idToken,
  ORDERS,
  OTHER_COMPANY,
  type Runner,
  runner,
  startStory,
  TYPE,
} from '../fakes/authority-story.ts'

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
const reason = (answered: { body: Record<string, unknown> }) => answered.body.reason ?? 'ok'

describe('RFC 8693 §2.1: evidence for an agent token', () => {
  it('gives two minutes for exactly the issuer that was asked for, bound to the key', async () => {
    const answered = await support.attest()
    expect(answered.status).toBe(200)
    expect(answered.body).toMatchObject({
      issued_token_type: AGENT_TYPE,
      token_type: 'DPoP',
      expires_in: 120,
    })
    expect(claimsOf(answered.body.access_token)).toMatchObject({
      iss: authority.issuer('operator'),
      sub: 'operator/support',
      aud: authority.issuer('a'),
      cnf: { jkt: support.jkt },
      prf: 'attested',
      exp: START + 120,
    })
  })
  it('needs a proof, always', async () => {
    expect(await support.attest({}, null)).toMatchObject({
      status: 400,
      body: { error: 'invalid_dpop_proof', reason: 'dpop.missing' },
    })
  })
  it.each([
    ['a tenant that does not exist', 'nowhere'],
    ['a tenant where the agent is not admitted', 'b'],
  ])('is refused alike for %s', async (_name, tenant) => {
    const idle = runner(authority, 'idle')
    const answered = await idle.attest({ audience: authority.issuer(tenant) })
    expect([answered.status, answered.body.error, answered.body.reason]).toEqual([
      400,
      'invalid_target',
      'target.unknown',
    ])
  })
  it.each([
    [
      'two audiences',
      (of: FakeAuthority) => ({ audience: [of.issuer('a'), of.issuer('b')] }),
      'target.unknown',
    ],
    ['another authority', () => ({ audience: 'https://elsewhere.example/t/a' }), 'target.unknown'],
    [
      'evidence of another issuer',
      () => ({ subject_token: foreignIssuer('https://cluster.example').sign({}) }),
      'jwt.claims',
    ],
    [
      'evidence of an account that nobody registered',
      (of: FakeAuthority) => ({ subject_token: evidence(of, 'ghost') }),
      'evidence.pin',
    ],
    [
      'evidence that two agents fit',
      (of: FakeAuthority) => ({ subject_token: evidence(of, 'twin') }),
      'evidence.ambiguous',
    ],
    [
      'evidence of a suspended agent',
      (of: FakeAuthority) => ({ subject_token: evidence(of, 'stopped') }),
      'agent.suspended',
    ],
    ['no JWT', () => ({ subject_token_type: `${TYPE}saml2` }), 'request.subject_token_type'],
  ])('is refused for %s', async (_name, form, expected) => {
    const answered = await support.attest(form(authority))
    expect(answered.status).toBeGreaterThanOrEqual(400)
    if (expected.startsWith('jwt') || expected === 'evidence.pin') expect(answered.status).toBe(401)
    else expect(reason(answered)).toBe(expected)
  })
  it('is for no tenant that ended the admission', async () => {
    const link = 'admission:operator/support'
    const revoke = (doc: object | null) =>
      authority.store.apply([{ tenant: 'a', kind: 'revocation', name: link, doc } as never])
    revoke({ revocation: link, standing: true, reason: 'test' })
    expect((await support.attest()).body.reason).toBe('target.unknown')
    revoke(null)
    expect((await support.attest()).status).toBe(200)
  })
  it('is remembered no longer than the evidence lives', async () => {
    const short = evidence(authority, 'support', { pod: crypto.randomUUID(), exp: START + 30 })
    expect((await support.attest({ subject_token: short })).body.expires_in).toBe(30)
    authority.clock.now = START + 31
    const later = await support.attest({ subject_token: short })
    expect(later.body.access_token).toBeUndefined()
  })
  it('is given by no tenant of which something stored can not be used', async () => {
    const policy = (doc: object | null) =>
      authority.store.apply([{ tenant: 'operator', kind: 'policy', name: 'bad', doc } as never])
    policy({ policy: 'bad', effect: 'permit', text: 'x', est: '{}' })
    expect((await support.attest()).body).toMatchObject({
      error: 'unauthorized_client',
      reason: 'tenant.broken',
    })
    policy(null)
    expect((await support.attest()).status).toBe(200)
  })
  it('is bound to the first key that shows it; another key ends the first and raises an alarm', async () => {
    const shared = evidence(authority, 'support', { pod: crypto.randomUUID() })
    const thief = runner(authority, 'support')
    expect(reason(await support.attest({ subject_token: shared }))).toBe('ok')
    const held = await support.exchange('a', idToken())
    authority.store.events.length = 0
    expect(reason(await thief.attest({ subject_token: shared }))).toBe('ok')
    expect(authority.store.events).toContainEqual(
      expect.objectContaining({ kind: 'alarm', reason: 'evidence.rebound', agent: 'operator/support' }),
    )
    expect(reason(await support.attest({ subject_token: shared }))).toBe('agent.revoked')
    expect(
      reason(
        await support.exchange('a', String(held.body.access_token), {
          subject_token_type: `${TYPE}access_token`,
        }),
      ),
    ).not.toBe('ok')
  })
})

describe('RFC 8693 §2.2: the user and the agent in one token', () => {
  it('names the user as subject, the agent as actor, and what it derives from', async () => {
    const answered = await support.exchange('a', idToken())
    expect(answered.status).toBe(200)
    expect(answered.body).toMatchObject({ issued_token_type: `${TYPE}access_token`, token_type: 'DPoP' })
    expect(answered.body.scope).toBeUndefined()
    const claims = claimsOf(answered.body.access_token)
    expect(claims).toMatchObject({
      iss: authority.issuer('a'),
      aud: ORDERS('a'),
      client_id: 'operator/support',
      cnf: { jkt: support.jkt },
      chn: ['operator/support'],
      prf: 'attested',
      act: { iss: authority.issuer('operator'), sub: 'operator/support' },
    })
    expect(String(claims.sub)).toMatch(/^usr_/)
    expect(claims.lin).toEqual(
      expect.arrayContaining([
        'agent:operator/support',
        'admission:operator/support',
        `user:${claims.sub}`,
        `session:${claims.sid}`,
        `key:${support.jkt}`,
        'resource:orders',
        'delegation:support',
      ]),
    )
    expect(claims.rev).toBeLessThanOrEqual(authority.store.snapshot().revision)
  })
  it('records the decision before the token exists, and nothing without the record', async () => {
    authority.store.events.length = 0
    await support.exchange('a', idToken())
    expect(authority.store.events).toContainEqual(
      expect.objectContaining({
        tenant: 'a',
        kind: 'issue',
        outcome: 'allow',
        agent: 'operator/support',
        resource: 'orders',
        bearer: false,
        personal: { user: 'ana' },
      }),
    )
    const assertion = await support.agentToken('a')
    authority.store.down = true
    const answered = await support.post(`${authority.issuer('a')}/token`, {
      grant_type: 'client_credentials',
      client_assertion: assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      resource: CATALOGUE('a'),
    })
    authority.store.down = false
    expect([answered.status, answered.body.access_token]).toEqual([503, undefined])
  })
  it('stays in one session when asked again, and in another for another sign-in', async () => {
    const sid = async (token: string) => claimsOf((await support.exchange('a', token)).body.access_token).sid
    const first = await sid(idToken())
    expect(await sid(idToken())).toBe(first)
    expect(await sid(idToken({ sid: 'sid-2' }))).not.toBe(first)
    expect(await sid(idToken({ sub: 'abe' }))).not.toBe(first)
  })
  it('lives no longer than its inputs', async () => {
    expect((await support.exchange('a', idToken({ exp: START + 20 }))).body.expires_in).toBe(20)
    expect((await support.exchange('a', idToken())).body.expires_in).toBe(120)
  })
  it.each([
    ['for another client', { aud: 'b-support' }, 'subject.audience'],
    ["for another agent's client", { aud: 'a-router' }, 'subject.audience'],
    ['for several audiences', { aud: ['a-support', 'other'] }, 'subject.audience'],
    ['with another authorized party', { aud: 'a-support', azp: 'other' }, 'subject.audience'],
    ['of nobody listed', { sub: 'eve' }, 'user.unlisted'],
    ['that ended', { exp: START - 10 }, 'subject.expired'],
    ['from the future', { iat: START + 100 }, 'subject.future'],
    ['without a subject', { sub: undefined }, 'subject.malformed'],
    ['that is a logout token', { events: {} }, 'subject.malformed'],
    ['of another issuer', { iss: 'https://login.b.example' }, 'subject.issuer_untrusted'],
    ['that lets somebody else act', { may_act: { sub: 'operator/router' } }, 'subject.may_act'],
    [
      'that lets somebody act whom we can not read',
      { may_act: { sub: 'operator/support', dept: 'x' } },
      'subject.may_act',
    ],
    ['that lets nobody in particular act', { may_act: {} }, 'subject.may_act'],
  ])('is refused for a token %s (§2.1, §4.4)', async (_name, over, expected) => {
    const answered = await support.exchange('a', idToken(over))
    expect([answered.status, answered.body.error, reason(answered)]).toEqual([400, 'invalid_grant', expected])
  })
  it.each([
    ['for our issuer', () => ({ aud: authority.issuer('a') })],
    [
      'that lets this agent act',
      () => ({ may_act: { iss: authority.issuer('operator'), sub: 'operator/support' } }),
    ],
    ['that lets this client act', () => ({ may_act: { sub: 'a-support', client_id: 'a-support' } })],
  ])('is given for a token %s', async (_name, over) => {
    expect(reason(await support.exchange('a', idToken(over())))).toBe('ok')
  })
  it.each(['agent+jwt', 'logout+jwt', 'dpop+jwt', 'secevent+jwt'])(
    'is refused for a token of the kind %s',
    async (typ) => {
      expect(reason(await support.exchange('a', idToken({}, typ)))).toBe('subject.typ')
    },
  )
  it('takes an access token of the provider only when it is meant for us', async () => {
    const form = { subject_token_type: `${TYPE}access_token` }
    expect(reason(await support.exchange('a', idToken({}, 'at+jwt'), form))).toBe('subject.audience')
    const ours = idToken({ aud: authority.issuer('a') }, 'at+jwt')
    expect(reason(await support.exchange('a', ours, form))).toBe('ok')
  })
  it('is refused when the token is signed by another key, remembered or not', async () => {
    const forged = foreignIssuer(COMPANY.issuer)
    const claims = { sub: 'ana', aud: 'a-support', iat: START, exp: START + 60 }
    expect(reason(await support.exchange('a', forged.sign(claims)))).toBe('subject.signature')
    const good = idToken()
    expect(reason(await support.exchange('a', good))).toBe('ok')
    expect(reason(await support.exchange('a', `${good.slice(0, -4)}AAAA`))).not.toBe('ok')
  })
  it("takes no token of one tenant's users at another", async () => {
    expect(reason(await support.exchange('b', idToken({ aud: 'b-support' })))).toBe(
      'subject.issuer_untrusted',
    )
  })
})

describe('a user of a provider that lists none', () => {
  it('becomes an entry with the attributes that were declared, once', async () => {
    const token = (over: Record<string, unknown> = {}) =>
      OTHER_COMPANY.sign({
        sub: 'zoe',
        aud: 'b-support',
        iat: START,
        exp: START + 60,
        sid: 's',
        department: 'sales',
        grade: 'x',
        ...over,
      })
    const answered = await support.exchange('b', token())
    expect([answered.status, answered.body.error_description]).toEqual([200, undefined])
    const users = authority.store.snapshot().tenants.get('b' as never)?.users
    expect(users?.get(String(claimsOf(answered.body.access_token).sub) as never)).toMatchObject({
      user: 'sso:zoe',
      sub: 'zoe',
      attributes: { team: 'sales' },
    })
    const { revision } = authority.store.snapshot()
    expect((await support.exchange('b', token({ sid: 's2' }))).status).toBe(200)
    expect(authority.store.snapshot().revision).toBe(revision)
  })
})

describe('RFC 8693 §2.1: the actor token', () => {
  it('may say again who asks, and nobody else', async () => {
    const router = runner(authority, 'router', { pod: crypto.randomUUID() })
    const actor = (token: string) => ({ actor_token: token, actor_token_type: `${TYPE}jwt` })
    expect(reason(await support.exchange('a', idToken(), actor(await support.agentToken('a'))))).toBe('ok')
    expect(reason(await support.exchange('a', idToken(), actor(await router.agentToken('a'))))).toBe(
      'actor.other',
    )
    expect(reason(await support.exchange('a', idToken(), { actor_token: 'x' }))).toBe('request.actor_token')
    expect(reason(await support.exchange('a', idToken(), { actor_token_type: `${TYPE}jwt` }))).toBe(
      'request.actor_token',
    )
  })
})

describe('RFC 8693 §2.2.1, RFC 8707 §2: scope and resource', () => {
  it('narrows to the tools that exist and are permitted, and says so', async () => {
    const answered = await support.exchange('a', idToken(), { scope: 'orders/get_order orders/cancel' })
    expect(answered.body.scope).toBe('orders/get_order')
    expect(claimsOf(answered.body.access_token).scope).toBe('orders/get_order')
  })
  it.each([
    ['orders/cancel', 'invalid_scope', 'scope.none_permitted'],
    ['orders/nothing', 'invalid_scope', 'scope.unknown'],
    ['catalogue/search', 'invalid_scope', 'scope.unknown'],
    ['orders/get_order  orders/list_orders', 'invalid_scope', 'scope.malformed'],
  ])('refuses the scope %s', async (scope, error, expected) => {
    expect((await support.exchange('a', idToken(), { scope })).body).toMatchObject({
      error,
      reason: expected,
    })
  })
  it.each([
    ['unknown', ORDERS('a').replace('orders', 'payroll')],
    ["another tenant's", ORDERS('b')],
    ['of another type', ORDERS('a').replace('/mcp/', '/postgres/')],
    ['spelled with a slash', `${ORDERS('a')}/`],
    ['with a fragment', `${ORDERS('a')}#x`],
    ['relative', '/t/a/mcp/orders'],
    ['none', ''],
    ['two', [ORDERS('a'), CATALOGUE('a')]],
  ])('answers a resource that is %s with invalid_target, all alike', async (_name, resource) => {
    const answered = await support.exchange('a', idToken(), { resource })
    expect([answered.status, answered.body]).toEqual([
      400,
      { error: 'invalid_target', error_description: expect.any(String), reason: 'target.unknown' },
    ])
  })
  it('gives the agent alone only what answers agents alone', async () => {
    expect((await support.ask('a', {})).status).toBe(200)
    expect((await support.ask('a', { resource: ORDERS('a') })).body).toMatchObject({
      error: 'unauthorized_client',
      reason: 'user.required',
    })
  })
  it('marks a token for a single use', async () => {
    expect(
      claimsOf((await support.exchange('a', idToken(), { single_use: 'true' })).body.access_token).once,
    ).toBe(true)
    expect((await support.exchange('a', idToken(), { single_use: 'yes' })).body.reason).toBe(
      'request.single_use',
    )
  })
})

describe('RFC 8693 §2.2.2: what is refused before anything is believed', () => {
  it.each([
    [{ grant_type: '' }, 'request.grant_type'],
    [{ grant_type: 'password' }, 'grant.unsupported'],
    [{ subject_token: '' }, 'request.subject_token'],
    [{ subject_token_type: '' }, 'request.subject_token'],
    [{ subject_token_type: `${TYPE}saml2` }, 'request.subject_token_type'],
    [{ requested_token_type: `${TYPE}refresh_token` }, 'request.requested_token_type'],
  ])('%j', async (form, expected) => {
    const answered = await support.exchange('a', idToken(), form)
    expect([answered.status, reason(answered)]).toEqual([400, expected])
    expect(answered.body.error).toBe(
      expected === 'grant.unsupported' ? 'unsupported_grant_type' : 'invalid_request',
    )
  })
  it('mints nothing from a registry that may be old', async () => {
    authority.clock.ageMs = 6000
    const answered = await support.attest()
    authority.clock.ageMs = 0
    expect([answered.status, answered.body.error]).toEqual([503, 'temporarily_unavailable'])
  })
  it('records each no with its reason, once', async () => {
    await support.agentToken('a')
    authority.store.events.length = 0
    await support.exchange('a', idToken({ sub: 'eve' }))
    expect(authority.store.events.filter(({ outcome }) => outcome === 'deny')).toEqual([
      expect.objectContaining({ tenant: 'a', reason: 'user.unlisted', agent: 'operator/support' }),
    ])
  })
})

describe('grant', () => {
  it('is the URN of RFC 8693', () => {
    expect(GRANT).toBe('urn:ietf:params:oauth:grant-type:token-exchange')
  })
})
