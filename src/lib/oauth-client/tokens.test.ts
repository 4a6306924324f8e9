import { describe, expect, it } from 'vitest'
import { authorizationUrl, scopesToAsk } from './authorize.ts'
import type { AuthorizationServer } from './discover.ts'
import { knownClient, type OurClient, register } from './register.ts'
import { askToken, redeemCode, refreshTokens, revokeToken } from './tokens.ts'
import { type Asked, web } from './web.fixture.ts'

const AS = 'https://as.example'
const server: AuthorizationServer = {
  issuer: AS,
  authorization_endpoint: `${AS}/authorize`,
  token_endpoint: `${AS}/token`,
  registration_endpoint: `${AS}/register`,
  revocation_endpoint: `${AS}/revoke`,
}
const keys = { state: 'the-state', verifier: 'v'.repeat(43) }
const RESOURCE = 'https://mcp.example/mcp'
const REDIRECT = 'https://us.example/t/acme/connected'
const publicClient: OurClient = { id: 'us', auth: 'none' }
const given = { json: { access_token: 'at', token_type: 'Bearer', expires_in: 60, scope: 'read' } }
const formOf = ({ options }: Asked) => Object.fromEntries(new URLSearchParams(options.body))

async function back(query: Record<string, string>, more: Partial<AuthorizationServer> = {}) {
  const { fetch, asked } = web({ [`${AS}/token`]: given })
  const asking = { reach: { fetch }, server: { ...server, ...more }, client: publicClient }
  const came = await redeemCode(asking, new Map(Object.entries(query)), {
    keys,
    redirectUri: REDIRECT,
    resource: RESOURCE,
  })
  return { asked, came: came.ok ? came.value.access : came.error.reason }
}

describe('what comes back from an authorization server', () => {
  const good = { code: 'c', state: keys.state }
  const supported = { authorization_response_iss_parameter_supported: true }

  // RFC 9207 §2.4 as MCP has it, with no normalisation; also for errors.
  it.each([
    ['advertised and right', { ...good, iss: AS }, supported, 'at'],
    ['advertised and missing', good, supported, 'connect.answer'],
    ['advertised and another', { ...good, iss: 'https://evil.example' }, supported, 'connect.answer'],
    ['advertised, with a slash more', { ...good, iss: `${AS}/` }, supported, 'connect.answer'],
    ['advertised, in capitals', { ...good, iss: AS.toUpperCase() }, supported, 'connect.answer'],
    ['not advertised and right', { ...good, iss: AS }, {}, 'at'],
    ['not advertised and another', { ...good, iss: 'https://evil.example' }, {}, 'connect.answer'],
    ['not advertised and missing', good, {}, 'at'],
    [
      'of an error, another',
      { error: 'access_denied', state: keys.state, iss: 'https://evil.example' },
      {},
      'connect.answer',
    ],
    [
      'of an error, right',
      { error: 'access_denied', state: keys.state, iss: AS },
      supported,
      'connect.denied',
    ],
  ])('with an `iss` that is %s', async (_how, query, more, expected) => {
    const { came, asked } = await back(query, more)
    expect(came).toBe(expected)
    expect(asked).toHaveLength(expected === 'at' ? 1 : 0)
  })

  it.each([
    ['another state', { code: 'c', state: 'another' }],
    ['no state', { code: 'c' }],
    ['no code', { state: keys.state }],
  ])('with %s is redeemed nowhere', async (_how, query) => {
    const { came, asked } = await back(query)
    expect(came).toMatch(/^connect\.(answer|token)$/)
    expect(asked).toHaveLength(0)
  })

  it('is redeemed with its verifier, for the resource', async () => {
    const { asked } = await back(good)
    expect(asked.map(formOf)).toEqual([
      {
        grant_type: 'authorization_code',
        code: 'c',
        redirect_uri: REDIRECT,
        code_verifier: keys.verifier,
        resource: RESOURCE,
        client_id: 'us',
      },
    ])
  })
})

describe('asking for a token', () => {
  const asking = (client: OurClient, answer: object = given, assertion?: (audience: string) => string) => {
    const { fetch, asked } = web({ [`${AS}/token`]: answer, [`${AS}/revoke`]: { json: {} } })
    return { asked, who: { reach: { fetch }, server, client, ...(assertion ? { assertion } : {}) } }
  }

  it('keeps the refresh token where the server does not replace it, and takes the new one where it does', async () => {
    const { who } = asking(publicClient)
    expect(await refreshTokens(who, 'old', RESOURCE)).toMatchObject({
      value: { refresh: 'old', access: 'at' },
    })
    const rotating = asking(publicClient, { json: { ...given.json, refresh_token: 'new' } })
    expect(await refreshTokens(rotating.who, 'old', RESOURCE)).toMatchObject({ value: { refresh: 'new' } })
    expect(rotating.asked.map(formOf)).toMatchObject([{ refresh_token: 'old', resource: RESOURCE }])
  })

  it('says who we are as the server wants it, and nothing of it in the URL', async () => {
    const secret = 's+e c%r:e-t'
    const basic = asking({ id: 'u-s', auth: 'client_secret_basic', secret })
    await refreshTokens(basic.who, 'old', RESOURCE)
    const header = basic.asked[0]?.options.headers?.['authorization'] ?? ''
    expect(Buffer.from(header.replace('Basic ', ''), 'base64').toString()).toBe('u-s:s%2Be+c%25r%3Ae-t')
    const post = asking({ id: 'us', auth: 'client_secret_post', secret })
    await refreshTokens(post.who, 'old', RESOURCE)
    expect(post.asked.map(formOf)).toMatchObject([{ client_id: 'us', client_secret: secret }])
    const signed = asking(
      { id: 'us', auth: 'private_key_jwt' },
      given,
      (audience) => `signed for ${audience}`,
    )
    await refreshTokens(signed.who, 'old', RESOURCE)
    expect(signed.asked.map(formOf)).toMatchObject([{ client_assertion: `signed for ${AS}` }])
    for (const { asked } of [basic, post, signed])
      expect(asked.map(({ url }) => url)).toEqual([`${AS}/token`])
  })

  it.each([
    ['an error', { status: 400, json: { error: 'invalid_grant' } }, 'connect.denied'],
    ['a token of another kind', { json: { access_token: 'at', token_type: 'mac' } }, 'connect.token'],
    ['no token', { json: {} }, 'connect.token'],
    ['a page', { status: 500, headers: { 'content-type': 'text/html' } }, 'connect.token'],
  ])('that gets %s says so', async (_what, answer, reason) => {
    const { who } = asking(publicClient, answer)
    expect(await refreshTokens(who, 'old', RESOURCE)).toMatchObject({ ok: false, error: { reason } })
  })

  it('by exchange takes what is no access token too, and sends what it was given', async () => {
    const answer = { json: { access_token: 'jag', token_type: 'N_A', issued_token_type: 'urn:x' } }
    const { who, asked } = asking(publicClient, answer)
    expect(await askToken(who, 'urn:grant', { subject_token: 's' })).toMatchObject({
      value: { access: 'jag' },
    })
    expect(asked.map(formOf)).toEqual([{ grant_type: 'urn:grant', subject_token: 's', client_id: 'us' }])
  })

  it('ends one by revocation, where the server has a place for it', async () => {
    const { who, asked } = asking(publicClient)
    expect(await revokeToken(who, 'tok')).toEqual({ ok: true, value: true })
    expect(asked.map(formOf)).toMatchObject([{ token: 'tok' }])
    const { revocation_endpoint: _none, ...without } = server
    expect(await revokeToken({ ...who, server: without }, 'tok')).toEqual({ ok: true, value: false })
  })
})

describe('what is asked for', () => {
  const place = { resource: RESOURCE, scopes: ['read', 'write'], server }

  it('is what was challenged, else what the resource lists, else nothing; with all that was asked before', () => {
    expect(scopesToAsk(place, ['admin'])).toEqual(['admin'])
    expect(scopesToAsk(place, undefined)).toEqual(['read', 'write'])
    expect(scopesToAsk({ resource: RESOURCE, server }, undefined)).toEqual([])
    expect(scopesToAsk(place, ['write'], ['read', 'write'])).toEqual(['read', 'write'])
    const offline = { ...place, server: { ...server, scopes_supported: ['offline_access'] } }
    expect(scopesToAsk(offline, ['read'])).toEqual(['read', 'offline_access'])
  })

  it('goes with PKCE by S256 and the resource', async () => {
    const url = await authorizationUrl({
      place,
      clientId: 'us',
      redirectUri: REDIRECT,
      scopes: ['read'],
      keys,
    })
    expect(url.ok && Object.fromEntries(new URL(url.value).searchParams)).toEqual({
      response_type: 'code',
      client_id: 'us',
      redirect_uri: REDIRECT,
      state: keys.state,
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
      resource: RESOURCE,
      scope: 'read',
    })
    const { authorization_endpoint: _none, ...without } = server
    const nowhere = {
      place: { resource: RESOURCE, server: without },
      clientId: 'us',
      redirectUri: REDIRECT,
      scopes: [],
      keys,
    }
    expect((await authorizationUrl(nowhere)).ok).toBe(false)
  })
})

describe('what we are at a server', () => {
  const ours = { document: 'https://us.example/client.json', name: 'Acme', redirectUri: REDIRECT }
  const takesDocuments = { ...server, client_id_metadata_document_supported: true }

  it('is what was registered by hand, else our document where it takes one, and of no other issuer', () => {
    const listed = { [AS]: { id: 'by-hand', auth: 'none' } as const }
    expect(knownClient(takesDocuments, { ...ours, listed })?.id).toBe('by-hand')
    expect(knownClient({ ...takesDocuments, issuer: `${AS}/` }, { ...ours, listed })?.id).toBe(ours.document)
    expect(knownClient(takesDocuments, ours)?.id).toBe(ours.document)
    expect(knownClient(server, ours)).toBeUndefined()
  })

  it.each([
    [
      undefined,
      { client_id: 'x', client_secret: 's' },
      { id: 'x', auth: 'client_secret_basic', secret: 's' },
    ],
    [
      ['client_secret_post'],
      { client_id: 'x', client_secret: 's' },
      { id: 'x', auth: 'client_secret_post', secret: 's' },
    ],
    [['none'], { client_id: 'x' }, { id: 'x', auth: 'none' }],
    [
      ['none'],
      { client_id: 'x', client_secret: 's', token_endpoint_auth_method: 'none' },
      { id: 'x', auth: 'none' },
    ],
    [
      undefined,
      { client_id: 'x', client_secret: 's', client_secret_expires_at: 99 },
      { id: 'x', auth: 'client_secret_basic', secret: 's', secretExpires: 99 },
    ],
  ])('is else what it registers: of methods %j and answer %j', async (methods, answer, client) => {
    const { fetch, asked } = web({ [`${AS}/register`]: { status: 201, json: answer } })
    const at = methods ? { ...server, token_endpoint_auth_methods_supported: methods } : server
    expect(await register({ fetch }, at, ours)).toEqual({ ok: true, value: client })
    expect(JSON.parse(asked[0]?.options.body ?? '')).toMatchObject({
      redirect_uris: [REDIRECT],
      application_type: 'web',
      grant_types: ['authorization_code', 'refresh_token'],
    })
  })

  it.each([
    ['it has no place for it', { registration_endpoint: undefined }, {}, 'connect.no_registration'],
    [
      'it takes no way that we have',
      { token_endpoint_auth_methods_supported: ['tls_client_auth'] },
      {},
      'connect.no_registration',
    ],
    ['it says no', {}, { status: 403, json: { error: 'access_denied' } }, 'connect.registration'],
    ['it gives no id', {}, { status: 201, json: {} }, 'connect.registration'],
  ])('is nothing when %s', async (_why, more, answer, reason) => {
    const { fetch } = web({ [`${AS}/register`]: answer })
    const at = { ...server, ...more } as AuthorizationServer
    expect(await register({ fetch }, at, ours)).toMatchObject({ ok: false, error: { reason } })
  })
})
