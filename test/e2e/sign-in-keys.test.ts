import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  answerConsent,
  askToken,
  authorizeUrl,
  type ClientSide,
  clientSide,
  reachConsent,
  redeem,
  register,
  type TokenAnswer,
} from '../support/consenting-person.ts'
import { type Bent, type ClientKey, newClientKey } from '../support/keyed-client.ts'
import { type SignInWorld, startSignInWorld } from '../support/sign-in-world.ts'

let world: SignInWorld
let key: ClientKey
beforeAll(async () => {
  world = await startSignInWorld()
  key = await newClientKey()
  const vault = { name: 'Acme Vault', redirect_uris: [LOOPBACK] }
  const listed = `vault: ${JSON.stringify({ ...vault, jwks: key.jwks })}`
  const far = `far: ${JSON.stringify({ ...vault, jwks_uri: world.publishJson(key.jwks), allow_private: [new URL(world.publishJson({})).host] })}`
  await world.change('listed:\n', `listed:\n  ${listed}\n  ${far}\n`)
  const host = world.publishJson({})
  const preloaded = { client_name: 'Preloaded', redirect_uris: [LOOPBACK], ...keyed({ jwks_uri: host }) }
  await world.change(
    'preloaded:\n',
    `preloaded:\n    https://keyed.example/c.json: ${JSON.stringify(preloaded)}\n`,
  )
}, 60_000)
afterAll(async () => {
  expect(world.faults).toEqual([])
  await world.close()
})

const LOOPBACK = 'http://127.0.0.1:51234/callback'
const side = (clientId: string): ClientSide =>
  clientSide({ issuer: world.issuer, clientId, redirect: LOOPBACK, resource: world.resource })
const keyed = (more: object = { jwks: key.jwks }) => ({
  token_endpoint_auth_method: 'private_key_jwt',
  ...more,
})
const published = () => side(world.publish(keyed()))

async function codeFor(client: ClientSide) {
  const { at, page } = await reachConsent(client, 'ana')
  return { page, code: (await answerConsent(at, page, 'allow')).searchParams.get('code') ?? '' }
}

const proof = (client: ClientSide, bent?: Bent) => key.proof(client.clientId, world.issuer, bent)

const refresh = (client: ClientSide, tokens: TokenAnswer, more: Readonly<Record<string, string>> = {}) =>
  askToken(world.issuer, {
    grant_type: 'refresh_token',
    client_id: client.clientId,
    refresh_token: tokens.refresh_token ?? '',
    ...more,
  })

async function post(path: string, form: Readonly<Record<string, string>>) {
  const response = await fetch(`${world.issuer}/${path}`, { method: 'POST', body: new URLSearchParams(form) })
  const text = await response.text()
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> }
}

async function registered(more: object = keyed()): Promise<ClientSide> {
  const made = await register(world.issuer, { client_name: 'Toy', redirect_uris: [LOOPBACK], ...more })
  expect(made).toMatchObject({ status: 201, token_endpoint_auth_method: 'private_key_jwt' })
  return side(made.client_id ?? '')
}

describe('a client proves itself by its key', () => {
  test.each([
    ['in its metadata document', 'enrolled', () => published()],
    [
      'at the place that its document names',
      'enrolled',
      () => side(world.publish(keyed({ jwks_uri: world.publishJson(key.jwks) }))),
    ],
    ['that the tenant listed', 'enrolled', () => side('vault')],
    ['at a place that the tenant listed', 'enrolled', () => side('far')],
    ['that it registered itself, which says not who it is', 'claimed', () => registered()],
  ] as const)('%s', async (_where, word, make) => {
    const client = await make()
    const { page, code } = await codeFor(client)
    expect(page.body).toContain(`<strong>${word}:</strong>`)
    const tokens = await redeem(client, code, await proof(client))
    expect(tokens.status).toBe(200)
    expect(await claimsIn(tokens)).toMatchObject({ prf: word })
    expect((await refresh(client, tokens, await proof(client))).status).toBe(200)
  })

  test('and is covered by a permit that does not say claimed; one that only registered a key is not', async () => {
    await world.change('@id("claimed-coder") @claimed("yes")', '@id("claimed-coder")')
    try {
      const client = published()
      const { code } = await codeFor(client)
      expect((await redeem(client, code, await proof(client))).status).toBe(200)
      const toy = await registered()
      const { page } = await reachConsent(toy, 'ana')
      expect(new URL(page.url).searchParams.get('error')).toBe('access_denied')
    } finally {
      await world.change('@id("claimed-coder")', '@id("claimed-coder") @claimed("yes")')
    }
  })
})

async function claimsIn(tokens: TokenAnswer): Promise<Record<string, unknown>> {
  const [, payload = ''] = (tokens.access_token ?? '').split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Record<string, unknown>
}

describe('a code of such a client', () => {
  test.each([
    ['by its name alone', async () => ({}), 'client.proof_missing'],
    [
      'with a key that is not its own',
      async (client: ClientSide) => (await newClientKey()).proof(client.clientId, world.issuer),
      'jwt.key_unknown',
    ],
    [
      "with another client's assertion",
      (client: ClientSide) =>
        proof(client, { iss: 'https://other.example/c', sub: 'https://other.example/c' }),
      'client.id_mismatch',
    ],
    [
      'with an assertion for the endpoint',
      (client: ClientSide) => proof(client, { aud: `${world.issuer}/token` }),
      'jwt.audience',
    ],
    [
      'with one for several',
      (client: ClientSide) => proof(client, { aud: [world.issuer, 'https://b.example'] }),
      'jwt.audience',
    ],
    ['with one that lives long', (client: ClientSide) => proof(client, { life: 3600 }), 'jwt.life'],
    ['with one that is over', (client: ClientSide) => proof(client, { life: -60 }), 'jwt.expired'],
    ['with a token of another kind', (client: ClientSide) => proof(client, { typ: 'dpop+jwt' }), 'jwt.typ'],
    ['with a secret', async () => ({ client_secret: 'hunter2' }), 'client.secret'],
  ])('does not work %s, and still works with its proof', async (_how, make, reason) => {
    const client = published()
    const { code } = await codeFor(client)
    expect(await redeem(client, code, await make(client))).toMatchObject({
      status: 401,
      error: 'invalid_client',
      reason,
    })
    expect((await redeem(client, code, await proof(client))).status).toBe(200)
  })

  test('needs an assertion of its own: of fifty with one, at most one works', async () => {
    const client = published()
    const { code } = await codeFor(client)
    const once = await proof(client, { jti: randomUUID() })
    const all = await Promise.all(Array.from({ length: 50 }, () => redeem(client, code, once)))
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(new Set(all.filter(({ status }) => status !== 200).map(({ reason }) => reason))).toEqual(
      new Set(['evidence.replayed']),
    )
    // None of the others came as far as the code, so nothing looks like a copy of it.
    const tokens = all.find(({ status }) => status === 200) ?? { status: 0 }
    expect((await refresh(client, tokens, await proof(client))).status).toBe(200)
  })
})

describe('nothing else is given to whoever only knows its name', () => {
  test('neither a renewal, nor a pushed request, nor the end of a session, nor a word about a token', async () => {
    const client = published()
    const { code } = await codeFor(client)
    const tokens = await redeem(client, code, await proof(client))
    const named = { client_id: client.clientId }
    const refusals = await Promise.all([
      post('token', { grant_type: 'refresh_token', ...named, refresh_token: tokens.refresh_token ?? '' }),
      post('par', Object.fromEntries(new URL(authorizeUrl(client)).searchParams)),
      post('revoke', { ...named, token: tokens.refresh_token ?? '' }),
    ])
    for (const { status, body } of refusals)
      expect([status, body['error'], body['reason']]).toEqual([401, 'invalid_client', 'client.proof_missing'])
    expect((await refresh(client, tokens, await proof(client))).status).toBe(200)
  })

  test('and with its proof it pushes, learns of its own tokens alone, and gives them back', async () => {
    const client = published()
    const form = Object.fromEntries(new URL(authorizeUrl(client)).searchParams)
    expect((await post('par', { ...form, ...(await proof(client)) })).status).toBe(201)
    const { code } = await codeFor(client)
    const tokens = await redeem(client, code, await proof(client))
    const ask = async (who: ClientSide, token: string | undefined) =>
      (await post('introspect', { token: token ?? '', ...(await proof(who)) })).body
    expect(await ask(client, tokens.access_token)).toMatchObject({ active: true, token_type: 'Bearer' })
    expect(await ask(client, tokens.refresh_token)).toMatchObject({ active: true, aud: world.resource })
    const other = published()
    for (const token of [tokens.access_token, tokens.refresh_token])
      expect(await ask(other, token)).toEqual({ active: false })
    const second = await refresh(client, tokens, await proof(client))
    expect(await ask(client, tokens.refresh_token)).toEqual({ active: false })
    await post('revoke', { token: second.refresh_token ?? '', ...(await proof(client)) })
    for (const token of [second.access_token, second.refresh_token])
      expect(await ask(client, token)).toEqual({ active: false })
  })

  test('and a client without a key has nothing to prove itself by', async () => {
    const client = side(world.publish({}))
    const { code } = await codeFor(client)
    expect(await redeem(client, code, await proof(client))).toMatchObject({ reason: 'client.no_key' })
    expect((await redeem(client, code)).status).toBe(200)
  })
})

describe('keys are read from where the tenant says alone', () => {
  test.each([
    ['at an address of the cloud', { jwks_uri: 'http://169.254.169.254/latest/keys' }],
    ['at another host', { jwks_uri: 'https://keys.evil.example/jwks.json' }],
    ['at two places', () => ({ jwks_uri: world.publishJson({}), jwks: key.jwks })],
    ['nowhere', {}],
    ['that are private', { jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } }],
    ['that nobody can use', { jwks: { keys: [{ kty: 'EC', crv: 'P-521', x: 'AA', y: 'AA' }] } }],
  ])('a client whose keys are %s is refused', async (_where, given) => {
    const more = typeof given === 'function' ? given() : given
    const id = world.publish(keyed(more))
    const before = world.fetches()
    expect(await post('par', Object.fromEntries(new URL(authorizeUrl(side(id))).searchParams))).toMatchObject(
      {
        status: 401,
        body: { reason: 'client.document' },
      },
    )
    expect(world.fetches() - before).toBe(1)
    expect(await register(world.issuer, { redirect_uris: [LOOPBACK], ...keyed(more) })).toMatchObject({
      status: 400,
      error: 'invalid_client_metadata',
      reason: 'registration.keys',
    })
  })

  test('a place that answers with no keys proves nobody', async () => {
    const client = side('https://keyed.example/c.json')
    const { code } = await codeFor(client)
    expect(await redeem(client, code, await proof(client))).toMatchObject({
      status: 401,
      error: 'invalid_client',
      reason: 'client.keys',
    })
  })

  test('a secret is not taken as a proof, however it is called', async () => {
    for (const method of [
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'tls_client_auth',
    ]) {
      const metadata = { redirect_uris: [LOOPBACK], token_endpoint_auth_method: method, jwks: key.jwks }
      expect(await register(world.issuer, metadata)).toMatchObject({ reason: 'registration.auth_method' })
    }
  })
})
