import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askToken } from '../support/consenting-person.ts'
import { type ClientKey, newClientKey } from '../support/keyed-client.ts'
import { type SignInWorld, startSignInWorld } from '../support/sign-in-world.ts'

let world: SignInWorld
let key: ClientKey
/** Three authorities, each a process or a memory of its own, over one database. */
let issuers: readonly string[]
beforeAll(async () => {
  world = await startSignInWorld()
  key = await newClientKey()
  const peers = await Promise.all([world.startPeer(), world.startPeer()])
  issuers = [world.origin, ...peers].map((origin) => `${origin}/t/acme`)
}, 90_000)
afterAll(async () => {
  expect(world.faults).toEqual([])
  await world.close()
})

const now = () => Math.floor(Date.now() / 1000)
const published = () => world.publish({ token_endpoint_auth_method: 'private_key_jwt', jwks: key.jwks })

/** What the company's provider says: this client may act for this user here. */
function idJag(clientId: string, over: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const times = { iat: now(), exp: now() + 300, jti: randomUUID() }
  const claims = { sub: 'ana', aud: world.issuer, client_id: clientId, resource: world.resource, ...times }
  return world.signAsProvider({ ...claims, ...over }, 'oauth-id-jag+jwt')
}

async function redeem(clientId: string, assertion: string, issuer = world.issuer, more: object = {}) {
  const proof = await key.proof(clientId, world.issuer)
  const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
  return askToken(issuer, { grant_type, assertion, ...proof, ...more })
}

async function read(token: string | undefined, at = world.resource) {
  const response = await fetch(at, {
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
      params: { name: 'read_note', arguments: { name: 'x' } },
    }),
  })
  return { status: response.status, text: await response.text() }
}

describe('a client with an ID-JAG of the company', () => {
  test('calls a tool for its user, whom nobody asked, and gets no refresh token', async () => {
    const client = published()
    const tokens = await redeem(client, await idJag(client))
    expect(tokens).toMatchObject({ status: 200, token_type: 'Bearer' })
    expect(tokens.refresh_token).toBeUndefined()
    expect(await read(tokens.access_token)).toMatchObject({
      status: 200,
      text: expect.stringContaining('the note x'),
    })
  })

  test('gets one token from it: of fifty at once, at three authorities, exactly one wins', async () => {
    const client = published()
    const assertion = await idJag(client)
    const before = (await world.events()).filter(({ reason }) => reason === 'assertion.replayed').length
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, at) => redeem(client, assertion, issuers[at % 3])),
    )
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(all.flatMap(({ status, error, reason }) => (status === 200 ? [] : `${error} ${reason}`))).toEqual(
      Array(49).fill('invalid_grant assertion.replayed'),
    )
    const after = (await world.events()).filter(({ reason }) => reason === 'assertion.replayed').length
    expect(after - before).toBe(49)
  })

  test('gets nothing by the name alone, nor with what was given to another client', async () => {
    const client = published()
    const other = published()
    const named = await askToken(world.issuer, {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: await idJag(client),
      client_id: client,
    })
    expect(named).toMatchObject({ status: 401, error: 'invalid_client' })
    expect(await redeem(other, await idJag(client))).toMatchObject({
      status: 400,
      error: 'invalid_grant',
      reason: 'assertion.client',
    })
  })

  test('gets nothing that policy does not permit', async () => {
    const client = published()
    expect(await redeem(client, await idJag(client, { scope: 'notes/burn_notes' }))).toMatchObject({
      status: 400,
      error: 'invalid_scope',
    })
    await world.change('@id("people") permit', '@id("people") forbid')
    const refused = await redeem(client, await idJag(client))
    await world.change('@id("people") forbid', '@id("people") permit')
    expect(refused).toMatchObject({ status: 400, error: 'unauthorized_client' })
  })

  test('is over when its user logs out at the company, at every gateway', async () => {
    const client = published()
    const sid = randomUUID()
    const tokens = await redeem(client, await idJag(client, { sub: 'ben', sid }))
    const unused = await idJag(client, { sub: 'ben', sid })
    for (const at of [world.resource, world.resourceAtOther])
      expect((await read(tokens.access_token, at)).status).toBe(200)
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
    const times = { iat: now(), exp: now() + 120, jti: randomUUID() }
    const logout = { sub: 'ben', sid, aud: world.issuer, events, ...times }
    const done = await fetch(`${issuers[1]}/logout/company`, {
      method: 'POST',
      body: new URLSearchParams({ logout_token: await world.signAsProvider(logout, 'logout+jwt') }),
    })
    expect(done.status).toBe(200)
    for (const at of [world.resource, world.resourceAtOther])
      await expect.poll(async () => (await read(tokens.access_token, at)).status).toBe(401)
    expect(await redeem(client, unused)).toMatchObject({ status: 400, error: 'invalid_grant' })
  })

  test('and of two clients that are one agent, each has a session of its own', async () => {
    const [one, two] = [published(), published()]
    const [first, second] = await Promise.all(
      [one, two].map(async (client) => redeem(client, await idJag(client))),
    )
    await world.admin.revoke('acme', { kind: 'client', name: one, reason: 'test', standing: false })
    await expect.poll(async () => (await read(first?.access_token)).status).toBe(401)
    expect((await read(second?.access_token)).status).toBe(200)
  })
})
