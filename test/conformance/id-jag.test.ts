import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { claimsOf, type FakeAuthority, foreignIssuer, postForm, START } from '../fakes/authority.ts'
import {
  BEARER,
  CATALOGUE,
  COMPANY,
  evidence,
  idToken,
  ORDERS,
  OTHER_COMPANY,
  type Runner,
  runner,
  startStory,
} from '../fakes/authority-story.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const TYP = 'oauth-id-jag+jwt'

let authority: FakeAuthority
let support: Runner
beforeAll(async () => {
  authority = await startStory()
})
afterAll(() => authority.close())
beforeEach(() => {
  authority.clock.now = START
  authority.store.events.length = 0
  support = runner(authority, 'support', { pod: crypto.randomUUID() })
})

/** As the company's provider writes them: for this issuer, this client and this user. */
const claims = (over: Record<string, unknown> = {}) => ({
  sub: 'ana',
  aud: authority.issuer('a'),
  client_id: 'operator/support',
  jti: crypto.randomUUID(),
  iat: START - 5,
  exp: START + 295,
  resource: ORDERS('a'),
  ...over,
})
const idJag = (over: Record<string, unknown> = {}, typ = TYP, by = COMPANY) => by.sign(claims(over), typ)
const redeem = (assertion: string, form: Record<string, string> = {}, by: Runner = support) =>
  by.ask('a', { grant_type: JWT_BEARER, assertion, resource: '', ...form })
const granted = async (assertion: string, form: Record<string, string> = {}) => {
  const { status, body } = await redeem(assertion, form)
  expect({ status, ...body }).toMatchObject({ status: 200 })
  return claimsOf(String(body.access_token))
}
const refusedAs = async (...asked: Parameters<typeof redeem>) => {
  const { status, body } = await redeem(...asked)
  return `${status} ${body.error} ${body.reason}`
}

describe('an ID-JAG (draft-ietf-oauth-identity-assertion-authz-grant §4.4)', () => {
  it('gives the client that it names a token for the user and the resource that it names, and no refresh token', async () => {
    const { status, body } = await redeem(idJag())
    expect([status, body.token_type, body.refresh_token]).toEqual([200, 'DPoP', undefined])
    const token = claimsOf(String(body.access_token))
    expect(token).toMatchObject({
      aud: ORDERS('a'),
      client_id: 'operator/support',
      act: { sub: 'operator/support' },
    })
    expect(token.sub).toMatch(/^usr_/)
    // Never past what it derives from.
    expect(token.exp).toBeLessThanOrEqual(START + 295)
    expect(authority.store.events).toContainEqual(
      expect.objectContaining({ kind: 'issue', outcome: 'allow', personal: { user: 'ana' } }),
    )
  })

  it.each([
    ['as an audience of exactly one', () => ({ aud: [authority.issuer('a')] })],
    ['of the provider itself, bound to our key', () => ({ cnf: { jkt: support.jkt } })],
    ['for several resources, of which one is asked for', () => ({ resource: [ORDERS('a'), CATALOGUE('a')] })],
    ['that says who acted before, which is for reading alone', () => ({ act: { sub: 'someone' } })],
  ])('is taken %s', async (_how, over) => {
    expect((await redeem(idJag(over()), { resource: ORDERS('a') })).status).toBe(200)
  })

  it.each([
    ['of another client', () => idJag({ client_id: 'operator/router' }), 'assertion.client'],
    ['of no client', () => idJag({ client_id: undefined }), 'assertion.malformed'],
    ["for another tenant's issuer", () => idJag({ aud: authority.issuer('b') }), 'assertion.audience'],
    [
      'for two issuers',
      () => idJag({ aud: [authority.issuer('a'), authority.issuer('b')] }),
      'assertion.audience',
    ],
    ['for our token endpoint', () => idJag({ aud: `${authority.issuer('a')}/token` }), 'assertion.audience'],
    ['for nobody', () => idJag({ aud: undefined }), 'assertion.audience'],
    ["of another tenant's provider", () => idJag({}, TYP, OTHER_COMPANY), 'assertion.issuer'],
    [
      'of an issuer that nobody configured',
      () => idJag({}, TYP, foreignIssuer('https://evil.example')),
      'assertion.issuer',
    ],
    [
      'that somebody else signed in its name',
      () => foreignIssuer(COMPANY.issuer).sign(claims(), TYP),
      'assertion.signature',
    ],
    ['that is over', () => idJag({ iat: START - 400, exp: START - 10 }), 'assertion.expired'],
    ['that lives for an hour', () => idJag({ exp: START + 3600 }), 'assertion.life'],
    ['from tomorrow', () => idJag({ iat: START + 86_400, exp: START + 86_500 }), 'assertion.future'],
    ['that does not say when it was made', () => idJag({ iat: undefined }), 'assertion.malformed'],
    ['without an id', () => idJag({ jti: undefined }), 'assertion.malformed'],
    ['with an id without bound', () => idJag({ jti: 'j'.repeat(300) }), 'assertion.malformed'],
    ['of nobody', () => idJag({ sub: undefined }), 'assertion.malformed'],
    ['of a user who is not listed', () => idJag({ sub: 'eve' }), 'user.unlisted'],
    ['of another company at the same provider', () => idJag({ tenant: 'other' }), 'assertion.tenant'],
    [
      'with limits that nobody here understands',
      () => idJag({ authorization_details: [{ type: 'x' }] }),
      'assertion.unsupported',
    ],
    [
      'bound in a way that nobody here could check',
      () => idJag({ cnf: { 'x5t#S256': 'x' } }),
      'assertion.malformed',
    ],
    [
      'for a resource that is not here',
      () => idJag({ resource: 'https://elsewhere.example/mcp' }),
      'assertion.resource',
    ],
    [
      'that names its resource in another form',
      () => idJag({ resource: { uri: ORDERS('a') } }),
      'assertion.malformed',
    ],
  ])('is refused when it is one %s, is recorded once, and stays unspent', async (_what, make, reason) => {
    const assertion = make()
    authority.store.events.length = 0
    authority.store.writes.length = 0
    expect(await refusedAs(assertion)).toBe(`400 invalid_grant ${reason}`)
    const refusals = authority.store.events.filter(({ outcome }) => outcome === 'deny')
    expect(refusals).toMatchObject([{ kind: 'issue', reason, agent: 'operator/support' }])
    const spent = authority.store.writes.filter(({ spend }) => spend?.key.startsWith('id-jag'))
    expect(spent).toHaveLength(reason === 'assertion.resource' ? 1 : 0)
  })

  it('is refused when it is bound to another key', async () => {
    expect(await refusedAs(idJag({ cnf: { jkt: 'x'.repeat(43) } }))).toBe(
      '400 invalid_dpop_proof dpop.key_mismatch',
    )
  })

  it.each([
    ['that the assertion does not name', { resource: CATALOGUE('a') }, {}],
    ['twice', { resource: '' }, { resource: [ORDERS('a'), CATALOGUE('a')] }],
    ['not at all, where the assertion names none', { resource: '' }, { resource: undefined }],
  ])('gives nothing for a resource %s', async (_how, form, over) => {
    expect(await refusedAs(idJag(over), form)).toBe('400 invalid_target target.unknown')
  })

  it('gives what is asked for where it names no resource, and nothing that is not there', async () => {
    expect(await granted(idJag({ resource: undefined }), { resource: ORDERS('a') })).toMatchObject({
      aud: ORDERS('a'),
    })
    expect(await refusedAs(idJag({ resource: undefined }), { resource: `${ORDERS('a')}x` })).toBe(
      '400 invalid_target target.unknown',
    )
  })

  it.each([
    ['nothing is asked for', 'orders/get_order openid', {}, 'orders/get_order'],
    [
      'less is asked for',
      'orders/get_order orders/list_orders',
      { scope: 'orders/list_orders' },
      'orders/list_orders',
    ],
    [
      'more is asked for',
      'orders/get_order',
      { scope: 'orders/get_order orders/list_orders' },
      'orders/get_order',
    ],
    ['it names no scope', undefined, { scope: 'orders/list_orders' }, 'orders/list_orders'],
    ['neither names a scope', undefined, {}, undefined],
  ])('narrows to the scope that both name, when %s', async (_when, scope, form, given) => {
    expect((await granted(idJag({ scope }), form)).scope).toBe(given)
  })

  it.each([
    ['another is asked for', 'orders/get_order', { scope: 'orders/list_orders' }],
    ['it is of no tool here', 'openid profile', {}],
    ['it is empty', '', {}],
  ])('gives nothing when of its scope %s', async (_when, scope, form) => {
    expect(await refusedAs(idJag({ scope }), form)).toBe('400 invalid_scope scope.none_permitted')
  })

  it('still gives only what policy permits', async () => {
    expect(await refusedAs(idJag({ scope: 'orders/cancel' }))).toBe('400 invalid_scope scope.none_permitted')
    authority.store.events.length = 0
    expect(
      await refusedAs(
        idJag({ client_id: 'operator/router', resource: CATALOGUE('a') }),
        {},
        runner(authority, 'router'),
      ),
    ).toContain('400 unauthorized_client')
    expect(authority.store.events.filter(({ outcome }) => outcome === 'deny')).toHaveLength(1)
  })

  it('needs a client that proves itself', async () => {
    const bare = await postForm(`${authority.issuer('a')}/token`, {
      grant_type: JWT_BEARER,
      assertion: idJag(),
      client_id: 'operator/support',
    })
    expect(bare).toMatchObject({ status: 401, body: { error: 'invalid_client', reason: 'client.missing' } })
  })

  it.each([
    ['an ID token', () => idToken()],
    ['an ID token that says it is none', () => idToken({ client_id: 'operator/support' }, 'at+jwt')],
    ['a logout token', () => idToken({}, 'logout+jwt')],
    ['something else', () => 'x'],
    ['one that nobody signed', () => unsigned(claims())],
  ])('is nothing that %s is taken for', async (_what, make) => {
    expect(await refusedAs(make())).toBe('400 invalid_grant assertion.kind')
  })

  it('is not taken from a provider that only signs people in', async () => {
    const assertion = OTHER_COMPANY.sign(
      claims({ aud: authority.issuer('b'), sub: 'ben', resource: ORDERS('b') }),
      TYP,
    )
    const { status, body } = await support.ask('b', { grant_type: JWT_BEARER, assertion, resource: '' })
    expect(`${status} ${body.error} ${body.reason}`).toBe('400 invalid_grant assertion.issuer')
  })

  it('is taken for nothing else', async () => {
    const asSubject = await support.exchange('a', idJag({ aud: 'a-support' }))
    expect(asSubject.body).toMatchObject({ error: 'invalid_grant', reason: 'subject.typ' })
    const asClient = await support.ask('a', { client_assertion_type: BEARER, client_assertion: idJag() })
    expect(asClient.status).toBe(401)
  })
})

function unsigned(payload: object): string {
  const part = (json: object) => Buffer.from(JSON.stringify(json)).toString('base64url')
  return `${part({ alg: 'none', typ: TYP })}.${part(payload)}.`
}

describe('each counts once', () => {
  it('of fifty at once exactly one; the others are refused, each recorded once', async () => {
    const assertion = idJag()
    const others = await Promise.all(
      Array.from({ length: 50 }, async () => runner(authority, 'support', { pod: crypto.randomUUID() })),
    )
    const all = await Promise.all(others.map((each) => redeem(assertion, {}, each)))
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1)
    const refused = all
      .filter(({ status }) => status !== 200)
      .map(({ body }) => `${body.error} ${body.reason}`)
    expect(refused).toEqual(Array(49).fill('invalid_grant assertion.replayed'))
    const recorded = authority.store.events.filter(({ reason }) => reason === 'assertion.replayed')
    expect(recorded).toHaveLength(49)
  })

  it('and is remembered until it would have ended by itself, leeway included', async () => {
    await redeem(idJag({ exp: START + 200 }))
    const spent = authority.store.writes
      .flatMap(({ spend }) => spend ?? [])
      .find(({ key }) => key.startsWith('id-jag'))
    expect(spent?.expires).toBeGreaterThanOrEqual(START + 205)
  })
})

describe('what it gave ends', () => {
  const active = async (token: unknown) =>
    (
      await support.post(`${authority.issuer('a')}/introspect`, {
        token: String(token),
        client_assertion_type: BEARER,
        client_assertion: await support.agentToken('a'),
      })
    ).body.active
  const logOut = (over: Record<string, unknown>) =>
    postForm(`${authority.issuer('a')}/logout/sso`, {
      logout_token: COMPANY.sign(
        {
          aud: 'a-support',
          iat: START,
          exp: START + 120,
          jti: crypto.randomUUID(),
          events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
          ...over,
        },
        'logout+jwt',
      ),
    })

  it.each([
    ['by their session, where it names that', { sid: 'sid-jag-1' }, { sid: 'sid-jag-1' }],
    ['by their session, where it names none', {}, { sid: 'sid-jag-2', sub: 'abe' }],
    ['everywhere', { sid: 'sid-jag-3' }, { sub: 'abe' }],
  ])(
    'when the user logs out %s, and what was signed before gives nothing more',
    async (_how, over, logout) => {
      const of = (more: object = {}) => idJag({ sub: 'abe', ...over, ...more })
      const { body } = await redeem(of())
      expect(await active(body.access_token)).toBe(true)
      const unused = of()
      expect((await logOut(logout)).status).toBe(200)
      expect(await active(body.access_token)).toBe(false)
      expect(await refusedAs(unused)).toMatch(/^400 invalid_grant login\./)
    },
  )

  it('with its session, which each assertion of one sign-in goes on with', async () => {
    const sessions = await Promise.all(
      [{ sid: 's-1' }, { sid: 's-1' }, { sid: 's-2' }, {}, {}].map(
        async (over) => (await granted(idJag(over))).sid,
      ),
    )
    expect(sessions[0]).toBe(sessions[1])
    expect(sessions[3]).toBe(sessions[4])
    expect(new Set(sessions).size).toBe(3)
  })
})

describe('discovery', () => {
  const read = async (tenant: string) =>
    (await (
      await fetch(`${authority.origin}/.well-known/oauth-authorization-server/t/${tenant}`)
    ).json()) as Record<string, unknown>

  it('says that ID-JAGs are taken where they are, and not whose', async () => {
    const document = await read('a')
    expect(document['authorization_grant_profiles_supported']).toEqual([
      'urn:ietf:params:oauth:grant-profile:id-jag',
    ])
    expect(document['grant_types_supported']).toContain(JWT_BEARER)
    expect(JSON.stringify(document)).not.toContain(COMPANY.issuer)
    expect((await read('operator'))['authorization_grant_profiles_supported']).toBeUndefined()
  })
})

describe("a workload's evidence as the grant itself (MCP SEP-1933)", () => {
  const home = 'operator'
  const own = `https://gateway.example/t/${home}/mcp/catalogue`
  const grant = (assertion: string, form: Record<string, string> = {}) =>
    support.post(`${authority.issuer(home)}/token`, {
      grant_type: JWT_BEARER,
      assertion,
      resource: own,
      ...form,
    })
  const said = async (...asked: Parameters<typeof grant>) => {
    const { status, body } = await grant(...asked)
    return `${status} ${body.error} ${body.reason}`
  }

  it('gives what client credentials with the same evidence give', async () => {
    const { status, body } = await grant(evidence(authority, 'support'))
    expect([status, body.token_type]).toEqual([200, 'DPoP'])
    expect(claimsOf(String(body.access_token))).toMatchObject({
      sub: 'operator/support',
      client_id: 'operator/support',
      aud: own,
      prf: 'attested',
    })
  })

  it('is refused as a grant when it does not count (RFC 7523 §3.1)', async () => {
    const other = foreignIssuer('https://cluster.example')
    expect(
      await said(other.sign({ aud: authority.issuer(home), sub: 'x', iat: START, exp: START + 60 })),
    ).toMatch(/^400 invalid_grant /)
    expect(await said(evidence(authority, 'support', { aud: ['https://elsewhere.example'] }))).toMatch(
      /^400 invalid_grant /,
    )
  })

  it('needs a proof of possession where the agent does', async () => {
    const response = await postForm(`${authority.issuer(home)}/token`, {
      grant_type: JWT_BEARER,
      assertion: evidence(authority, 'support'),
      resource: own,
    })
    expect(response).toMatchObject({ status: 400, body: { reason: 'dpop.missing' } })
  })

  it.each([
    [
      "with another client's assertion beside it",
      async () => ({ client_assertion_type: BEARER, client_assertion: await support.agentToken(home) }),
    ],
    ['by an agent token, which is no evidence', async () => ({ assertion: await support.agentToken(home) })],
  ])('is not taken %s', async (_how, more) => {
    expect(await said(evidence(authority, 'support'), await more())).toBe('400 invalid_grant assertion.kind')
    expect(await said('')).toBe('400 invalid_request request.assertion')
  })
})
