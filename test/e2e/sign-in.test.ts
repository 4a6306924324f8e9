import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { browser, formAction, hidden, logIn } from '../../examples/parts/person.ts'
import {
  answerConsent,
  askToken,
  authorizeUrl,
  type ClientSide,
  clientSide,
  reachConsent,
  redeem,
  register,
  signInThrough,
  type TokenAnswer,
} from '../support/consenting-person.ts'
import { type SignInWorld, startSignInWorld } from '../support/sign-in-world.ts'

let world: SignInWorld
beforeAll(async () => {
  world = await startSignInWorld()
}, 60_000)
afterAll(async () => {
  expect(world.faults).toEqual([])
  await world.close()
})

const LOOPBACK = 'http://127.0.0.1:51234/callback'
const DESK = 'https://desk.acme.example/callback'
const side = (clientId: string, redirect = LOOPBACK): ClientSide =>
  clientSide({ issuer: world.issuer, clientId, redirect, resource: world.resource })
const published = () => side(world.publish({}))

async function call(token: string | undefined, tool: string, args: object = {}) {
  const response = await fetch(world.resource, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: tool, arguments: args },
    }),
  })
  return { status: response.status, text: await response.text() }
}

const refresh = (client: ClientSide, tokens: TokenAnswer, more: Readonly<Record<string, string>> = {}) =>
  askToken(world.issuer, {
    grant_type: 'refresh_token',
    client_id: client.clientId,
    refresh_token: tokens.refresh_token ?? '',
    ...more,
  })

describe('a person signs in through a client', () => {
  test('that publishes its metadata, and it calls a tool in their name and no more', async () => {
    const client = published()
    const { at, page } = await reachConsent(client, 'ana')
    for (const said of [
      'Pocket Coder',
      client.clientId,
      'claimed',
      'Acme Ltd',
      '127.0.0.1:51234',
      'read_note',
    ])
      expect(page.body).toContain(said)
    // Ana may not burn notes, so the client isn't promised that it could.
    expect(page.body).not.toContain('burn_notes')
    const back = await answerConsent(at, page, 'allow')
    expect(back.origin + back.pathname).toBe(LOOPBACK)
    expect(back.searchParams.get('state')).toBe(client.state)
    expect(back.searchParams.get('iss')).toBe(world.issuer)
    const tokens = await redeem(client, back.searchParams.get('code') ?? '')
    expect(tokens).toMatchObject({ status: 200, token_type: 'Bearer' })
    const read = await call(tokens.access_token, 'read_note', { name: 'x' })
    expect(read).toMatchObject({ status: 200, text: expect.stringContaining('the note x') })
    expect((await call(tokens.access_token, 'burn_notes')).text).not.toContain('burnt')
  })

  test.each([
    ['that the tenant lists', async () => side('desk', DESK)],
    [
      'that registered itself',
      async () =>
        side(
          (await register(world.issuer, { client_name: 'Toy', redirect_uris: [LOOPBACK] })).client_id ?? '',
        ),
    ],
  ])('%s', async (_how, make) => {
    const client = await make()
    expect(await signInThrough(client, 'ben')).toMatchObject({ status: 200 })
  })

  test('that pushed its request, once', async () => {
    const client = published()
    const form = new URL(authorizeUrl(client)).searchParams
    const pushed = await fetch(`${world.issuer}/par`, { method: 'POST', body: form })
    expect(pushed.status).toBe(201)
    const { request_uri } = (await pushed.json()) as { request_uri: string }
    const short = new URL(`${world.issuer}/authorize`)
    short.search = new URLSearchParams({ client_id: client.clientId, request_uri }).toString()
    const at = browser(client.redirect)
    expect((await at.open(short.href)).url).toContain('/interaction/')
    expect((await at.open(short.href)).body).toContain('request.pushed')
  })

  test('who says no, and the client is told so', async () => {
    const { at, page } = await reachConsent(published(), 'ana')
    const back = await answerConsent(at, page, 'deny')
    expect([back.searchParams.get('error'), back.searchParams.get('code')]).toEqual(['access_denied', null])
    expect((await world.events()).at(-1)).toMatchObject({ reason: 'consent.denied', kind: 'session' })
  })

  test('whom policy lets do nothing there, and nobody is asked anything', async () => {
    await world.change('@id("people") permit', '@id("people") forbid')
    const client = published()
    const at = browser(client.redirect)
    const { page } = await reachConsent(client, 'ana')
    await world.change('@id("people") forbid', '@id("people") permit')
    expect(new URL(page.url).searchParams.get('error')).toBe('access_denied')
    expect(at).toBeDefined()
  })
})

describe('nobody is sent on', () => {
  const opened = async (url: string) => browser('http://nowhere.example').open(url)

  test.each([
    ['by a client that nobody knows', 'client.unknown', () => authorizeUrl(side('nobody'))],
    [
      'to a place that the client did not register',
      'client.redirect',
      () => authorizeUrl(side('desk', 'https://evil.example/callback')),
    ],
    [
      'to another path of a registered place',
      'client.redirect',
      () => authorizeUrl(side(world.publish({}), 'http://127.0.0.1:51234/callback/../evil')),
    ],
    [
      'by a document that names another client',
      'client.document',
      () => authorizeUrl(side(world.publish({ client_id: 'https://other.example/x.json' }))),
    ],
    [
      'by a document with a secret in it',
      'client.document',
      () => authorizeUrl(side(world.publish({ client_secret: 'hunter2' }))),
    ],
    [
      'by a document on a host that is not listed',
      'client.unknown',
      () => authorizeUrl(side('https://evil.example/client.json')),
    ],
  ])('%s', async (_what, reason, url) => {
    const page = await opened(url())
    expect(page.body).toContain(reason)
  })

  test.each([
    ['without PKCE', { code_challenge: undefined }, 'invalid_request'],
    ['with plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['for an implicit token', { response_type: 'token' }, 'unsupported_response_type'],
    ['for no resource', { resource: undefined }, 'invalid_target'],
    ["for another tenant's resource", { resource: 'http://127.0.0.1:1/t/b/mcp/notes' }, 'invalid_target'],
    ['without a person there', { prompt: 'none' }, 'login_required'],
    ['by a request object', { request: 'e30.e30.' }, 'request_not_supported'],
  ])('but back to the client with the error: %s', async (_what, more, error) => {
    const client = side('desk', DESK)
    const page = await browser(client.redirect).open(authorizeUrl(client, more))
    const back = new URL(page.url).searchParams
    expect([back.get('error'), back.get('state'), back.get('iss')]).toEqual([
      error,
      client.state,
      world.issuer,
    ])
  })
})

describe('a sign-in belongs to the browser that began it', () => {
  test('nobody else can finish it', async () => {
    const client = published()
    const callback = `${world.issuer}/sign-in`
    const mine = browser(callback)
    // Up to where the provider sends the answer; then somebody else's browser brings it.
    const answer = await logIn(mine, await mine.open(authorizeUrl(client)), 'ana')
    expect(answer.url).toContain(`${callback}?`)
    const stranger = browser(client.redirect)
    expect((await stranger.open(answer.url)).body).toContain('sign_in.other_browser')
    expect((await stranger.open(answer.url)).body).toContain('sign_in.over')
  })

  test('nobody else can answer its question, and trying spends nothing', async () => {
    const client = published()
    const { at, page } = await reachConsent(client, 'ana')
    const stranger = browser(client.redirect)
    const form = { ticket: hidden(page, 'ticket'), answer: 'allow' }
    expect((await stranger.open(formAction(page), form)).body).toContain('sign_in.other_browser')
    expect((await answerConsent(at, page, 'allow')).searchParams.get('code')).not.toBeNull()
    expect((await at.open(formAction(page), form)).body).toContain('consent.over')
  })

  test('no other site can answer for the person', async () => {
    const { page } = await reachConsent(published(), 'ana')
    const form = { ticket: hidden(page, 'ticket'), answer: 'allow' }
    for (const origin of ['http://evil.example', 'null', undefined]) {
      const response = await fetch(formAction(page), {
        method: 'POST',
        headers: origin === undefined ? {} : { origin },
        body: new URLSearchParams(form),
      })
      expect(await response.text()).toContain('consent.origin')
    }
  })

  test('the pages can not be framed, run nothing, and say where their form may lead', async () => {
    const client = published()
    const response = await fetch(authorizeUrl(side('nobody')))
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(response.headers.get('x-frame-options')).toBe('DENY')
    expect(client.clientId).toBeDefined()
  })
})

describe('a code', () => {
  const codeFor = async (client: ClientSide) => {
    const { at, page } = await reachConsent(client, 'ana')
    return (await answerConsent(at, page, 'allow')).searchParams.get('code') ?? ''
  }

  test.each([
    ['with another verifier', { code_verifier: 'v'.repeat(43) }, 'code.verifier'],
    ['with another redirect', { redirect_uri: 'http://127.0.0.1:1/callback' }, 'code.redirect'],
    ['for another resource', { resource: 'http://127.0.0.1:1/t/acme/mcp/other' }, 'target.unknown'],
    ['by another client', { client_id: 'desk' }, 'code.unknown'],
  ])('does not work %s, and still works for its own client', async (_how, more, reason) => {
    const client = published()
    const code = await codeFor(client)
    expect(await redeem(client, code, more)).toMatchObject({ status: 400, reason })
    expect(await redeem(client, code)).toMatchObject({ status: 200 })
  })

  test('of fifty at once works at most once, and what it gave ends, since somebody else holds it', async () => {
    const client = published()
    const code = await codeFor(client)
    const all = await Promise.all(Array.from({ length: 50 }, () => redeem(client, code)))
    const given = all.filter(({ status }) => status === 200)
    expect(given.length).toBeLessThanOrEqual(1)
    expect(new Set(all.filter(({ status }) => status !== 200).map(({ error }) => error))).toEqual(
      new Set(['invalid_grant']),
    )
    for (const tokens of given) {
      await expect
        .poll(async () => (await call(tokens.access_token, 'read_note', { name: 'x' })).status)
        .toBe(401)
      expect(await refresh(client, tokens)).toMatchObject({ status: 400, error: 'invalid_grant' })
    }
  })
})

describe('a session is renewed', () => {
  test('by a token that each use replaces; a copy of one that was replaced ends it', async () => {
    const client = published()
    const first = await signInThrough(client, 'ana')
    const second = await refresh(client, first)
    expect(second).toMatchObject({ status: 200 })
    expect(second.refresh_token).not.toBe(first.refresh_token)
    const third = await refresh(client, second)
    expect(third.status).toBe(200)
    expect(await refresh(client, first)).toMatchObject({ status: 400, reason: 'refresh.reused' })
    expect(await refresh(client, third)).toMatchObject({ status: 400, error: 'invalid_grant' })
    await expect
      .poll(async () => (await call(third.access_token, 'read_note', { name: 'x' })).status)
      .toBe(401)
    expect(
      (await world.events()).some(({ reason, kind }) => reason === 'refresh.reused' && kind === 'alarm'),
    ).toBe(true)
  })

  test('by two processes of a client that race with one token: both get the same next one', async () => {
    const client = published()
    const first = await signInThrough(client, 'ana')
    const [one, two] = await Promise.all([refresh(client, first), refresh(client, first)])
    expect([one.status, two.status]).toEqual([200, 200])
    expect(one.refresh_token).toBe(two.refresh_token)
    expect((await refresh(client, one)).status).toBe(200)
  })

  test('by its own client alone, and for the same resource', async () => {
    const client = published()
    const tokens = await signInThrough(client, 'ana')
    expect(await refresh(client, tokens, { client_id: 'desk' })).toMatchObject({ reason: 'refresh.unknown' })
    expect(await refresh(client, tokens, { resource: 'http://x.example/t/acme/mcp/y' })).toMatchObject({
      error: 'invalid_target',
    })
    expect((await refresh(client, tokens)).status).toBe(200)
  })

  test.each([
    ['agent', 'coder'],
    ['user', 'company:ana'],
    ['client', ''],
  ])('no more once its %s is revoked, not even within the grace', async (kind, named) => {
    const client = published()
    const first = await signInThrough(client, 'ana')
    const second = await refresh(client, first)
    const name = named || client.clientId
    await world.admin.revoke('acme', { kind, name, reason: 'test', standing: false })
    for (const tokens of [first, second])
      expect(await refresh(client, tokens)).toMatchObject({ status: 400, error: 'invalid_grant' })
    await expect
      .poll(async () => (await call(second.access_token, 'read_note', { name: 'x' })).status)
      .toBe(401)
  })

  test('not by a policy that changed, and again when it is back', async () => {
    const client = published()
    const tokens = await signInThrough(client, 'ana')
    await world.change('@id("people") permit', '@id("people") forbid')
    const denied = await refresh(client, tokens)
    await world.change('@id("people") forbid', '@id("people") permit')
    expect(denied).toMatchObject({ status: 400, error: 'unauthorized_client' })
    expect(await refresh(client, tokens)).toMatchObject({ status: 200 })
  })
})
