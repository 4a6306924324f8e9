import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  askToken,
  type ClientSide,
  clientSide,
  signInThrough,
  type TokenAnswer,
} from '../support/consenting-person.ts'
import { type SignInWorld, startSignInWorld } from '../support/sign-in-world.ts'

let world: SignInWorld
let peer: string
beforeAll(async () => {
  world = await startSignInWorld()
  peer = await world.startPeer()
}, 60_000)
afterAll(async () => {
  expect(world.faults).toEqual([])
  await world.close()
})

const LOOPBACK = 'http://127.0.0.1:51234/callback'
const published = (): ClientSide =>
  clientSide({
    issuer: world.issuer,
    clientId: world.publish({}),
    redirect: LOOPBACK,
    resource: world.resource,
  })

async function statusOf(token: string | undefined, at = world.resource): Promise<number> {
  const response = await fetch(at, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
  })
  await response.text()
  return response.status
}

async function post(path: string, form: Readonly<Record<string, string>>, origin = world.origin) {
  const response = await fetch(`${origin}/t/acme/${path}`, {
    method: 'POST',
    body: new URLSearchParams(form),
  })
  const text = await response.text()
  const body = (text === '' ? {} : JSON.parse(text)) as Readonly<Record<string, unknown>>
  return { status: response.status, body }
}

const revoke = (client: ClientSide, token: string | undefined, origin?: string) =>
  post('revoke', { client_id: client.clientId, token: token ?? '' }, origin)

const refresh = (client: ClientSide, tokens: TokenAnswer, issuer = world.issuer) =>
  askToken(issuer, {
    grant_type: 'refresh_token',
    client_id: client.clientId,
    refresh_token: tokens.refresh_token ?? '',
  })

/** Milliseconds until a gateway refuses the token. */
async function untilRefused(token: string | undefined, at: string): Promise<number> {
  const began = performance.now()
  while (performance.now() - began < 2000) {
    if ((await statusOf(token, at)) === 401) return performance.now() - began
    await pause(2)
  }
  return Number.POSITIVE_INFINITY
}

describe('a public client gives back', () => {
  test('its refresh token: the session ends whole, at every gateway within milliseconds', async () => {
    const client = published()
    const first = await signInThrough(client, 'ana')
    const second = await refresh(client, first)
    for (const at of [world.resource, world.resourceAtOther])
      expect(await statusOf(second.access_token, at)).toBe(200)
    expect(await revoke(client, second.refresh_token)).toEqual({ status: 200, body: {} })
    const waits = await Promise.all(
      [first, second].flatMap(({ access_token }) =>
        [world.resource, world.resourceAtOther].map((at) => untilRefused(access_token, at)),
      ),
    )
    expect(Math.max(...waits)).toBeLessThan(500)
    for (const tokens of [first, second])
      expect(await refresh(client, tokens)).toMatchObject({ status: 400, reason: 'refresh.unknown' })
    const events = await world.events()
    expect(events.filter(({ reason }) => reason === 'revoked.by_client')).toMatchObject([
      { kind: 'revocation' },
    ])
    expect(events.some(({ kind }) => kind === 'alarm')).toBe(false)
  })

  test('one that was replaced long ago: also that ends the session', async () => {
    const client = published()
    const first = await signInThrough(client, 'ana')
    let last = first
    for (let times = 0; times < 3; times += 1) last = await refresh(client, last)
    expect((await revoke(client, first.refresh_token)).status).toBe(200)
    expect(await refresh(client, last)).toMatchObject({ status: 400, reason: 'refresh.unknown' })
  })

  test('its access token: that ends, and the session goes on', async () => {
    const client = published()
    const tokens = await signInThrough(client, 'ana')
    expect((await revoke(client, tokens.access_token)).status).toBe(200)
    for (const at of [world.resource, world.resourceAtOther])
      expect(await untilRefused(tokens.access_token, at)).toBeLessThan(500)
    const next = await refresh(client, tokens)
    expect(next.status).toBe(200)
    expect(await statusOf(next.access_token)).toBe(200)
  })

  test.each([
    ["another client's refresh token", (tokens: TokenAnswer) => tokens.refresh_token],
    ["another client's access token", (tokens: TokenAnswer) => tokens.access_token],
  ])('nothing with %s, and is not told so, though both are one agent', async (_whose, which) => {
    const client = published()
    const tokens = await signInThrough(client, 'ana')
    expect(await revoke(published(), which(tokens))).toEqual({ status: 200, body: {} })
    expect(await statusOf(tokens.access_token)).toBe(200)
    expect((await refresh(client, tokens)).status).toBe(200)
  })

  test('nothing with the id of its session and a key that it made up', async () => {
    const client = published()
    const tokens = await signInThrough(client, 'ana')
    const session = tokens.refresh_token?.split('.')[0]
    const forged = `${session}.${randomBytes(32).toString('base64url')}`
    expect((await revoke(client, forged)).status).toBe(200)
    expect(await refresh(client, { ...tokens, refresh_token: forged })).toMatchObject({
      reason: 'refresh.unknown',
    })
    expect((await refresh(client, tokens)).status).toBe(200)
  })

  test('nothing without saying who it is, or as a client that nobody knows', async () => {
    const client = published()
    const tokens = await signInThrough(client, 'ana')
    expect(await post('revoke', { token: tokens.refresh_token ?? '' })).toMatchObject({
      status: 401,
      body: { error: 'invalid_client', reason: 'client.missing' },
    })
    const stranger = { ...client, clientId: 'nobody' }
    expect(await revoke(stranger, tokens.refresh_token)).toMatchObject({
      status: 401,
      body: { reason: 'client.unknown' },
    })
    expect((await refresh(client, tokens)).status).toBe(200)
  })
})

test('the grace for a race never outlives a revocation, at whichever authority', async () => {
  const client = published()
  const elsewhere = `${peer}/t/acme`
  const first = await signInThrough(client, 'ana')
  const second = await refresh(client, first)
  // Within the grace the replaced token gives the same next one, at another authority too.
  expect((await refresh(client, first, elsewhere)).refresh_token).toBe(second.refresh_token)
  await revoke(client, second.refresh_token, peer)
  const after = await Promise.all(
    Array.from({ length: 50 }, (_, at) =>
      refresh(client, at % 2 ? first : second, at % 3 ? world.issuer : elsewhere),
    ),
  )
  expect(new Set(after.map(({ status, error }) => `${status} ${error}`))).toEqual(
    new Set(['400 invalid_grant']),
  )
})

test('a renewal that races with the revocation gives nothing that lives', async () => {
  const client = published()
  const first = await signInThrough(client, 'ana')
  const [, ...came] = await Promise.all([
    revoke(client, first.refresh_token, peer),
    ...Array.from({ length: 20 }, (_, at) =>
      refresh(client, first, at % 2 ? world.issuer : `${peer}/t/acme`),
    ),
  ])
  for (const tokens of came.filter(({ status }) => status === 200)) {
    expect(await untilRefused(tokens.access_token, world.resource)).toBeLessThan(1000)
    expect(await refresh(client, tokens)).toMatchObject({ status: 400, error: 'invalid_grant' })
  }
})

test('a public client learns nothing about tokens: it proves nothing (RFC 7662 §2.1)', async () => {
  const client = published()
  const tokens = await signInThrough(client, 'ana')
  expect(
    await post('introspect', { client_id: client.clientId, token: tokens.access_token ?? '' }),
  ).toMatchObject({ status: 401, body: { error: 'invalid_client', reason: 'client.missing' } })
})
