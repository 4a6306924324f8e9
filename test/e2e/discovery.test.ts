import {
  buildDiscoveryUrls,
  discoverAuthorizationServerMetadata,
  discoverOAuthProtectedResourceMetadata,
  discoverOAuthServerInfo,
} from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SignInWorld, startSignInWorld } from '../support/sign-in-world.ts'

let world: SignInWorld
beforeAll(async () => {
  world = await startSignInWorld()
}, 60_000)
afterAll(async () => {
  expect(world.faults).toEqual([])
  await world.close()
})

/** What the SDK fetches, but for some of the places that it asks. */
const without = (missing: readonly string[]) => (url: string | URL, init?: RequestInit) =>
  missing.includes(String(url)) ? Promise.resolve(new Response('', { status: 404 })) : fetch(url, init)

describe("an issuer's metadata is found by the MCP SDK", () => {
  test.each([
    ['under the name of OAuth, inserted', 0],
    ['under the name of OpenID Connect, inserted', 1],
    ['under the name of OpenID Connect, appended', 2],
  ])('%s', async (_where, at) => {
    const places = buildDiscoveryUrls(world.issuer).map(({ url }) => url.href)
    const found = await discoverAuthorizationServerMetadata(world.issuer, {
      fetchFn: without(places.slice(0, at)),
    })
    expect(found).toMatchObject({
      issuer: world.issuer,
      code_challenge_methods_supported: ['S256'],
      token_endpoint: `${world.issuer}/token`,
    })
    expect(places.length).toBe(3)
  })

  test('as one document, wherever it is asked for', async () => {
    const read = async (path: string) => (await fetch(world.origin + path)).json() as Promise<unknown>
    const all = await Promise.all(
      [
        '/.well-known/oauth-authorization-server/t/acme',
        '/.well-known/openid-configuration/t/acme',
        '/t/acme/.well-known/oauth-authorization-server',
        '/t/acme/.well-known/openid-configuration',
      ].map(read),
    )
    for (const each of all) expect(each).toEqual(all[0])
  })
})

describe("a server's metadata is found by the MCP SDK", () => {
  test('at the place that is made from its path', async () => {
    const found = await discoverOAuthProtectedResourceMetadata(world.resource)
    expect(found).toMatchObject({ resource: world.resource, authorization_servers: [world.issuer] })
  })

  test('at the root, while the gateway serves that one alone', async () => {
    const { origin, pathname } = new URL(world.resource)
    const missing = [`${origin}/.well-known/oauth-protected-resource${pathname}`]
    const found = await discoverOAuthServerInfo(world.resource, { fetchFn: without(missing) })
    expect(found.authorizationServerUrl).toBe(world.issuer)
    expect(found.resourceMetadata?.resource).toBe(world.resource)
    const other =
      'resource: notes-too\ntype: mcp\nat: https://notes.example/mcp\ntools: {}\n---\nresource: notes\n'
    await world.change('resource: notes\n', other)
    try {
      const root = `${origin}/.well-known/oauth-protected-resource`
      await expect.poll(async () => (await fetch(root)).status).toBe(404)
      expect((await fetch(root + pathname)).status).toBe(200)
    } finally {
      await world.change(other, 'resource: notes\n')
    }
  })
})
