import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { register } from '../support/consenting-person.ts'
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

describe('a client that registers itself', () => {
  test.each([
    ['without a redirect', {}, 'invalid_client_metadata'],
    [
      'with a secret',
      { redirect_uris: [LOOPBACK], token_endpoint_auth_method: 'client_secret_basic' },
      'invalid_client_metadata',
    ],
    [
      'with redirects that are not taken',
      { redirect_uris: ['http://evil.example/cb', 'vscode://x'] },
      'invalid_redirect_uri',
    ],
    [
      'with a name that hides what follows',
      { redirect_uris: [LOOPBACK], client_name: 'x\u202Ey' },
      'invalid_client_metadata',
    ],
  ])('is refused %s', async (_how, metadata, error) => {
    expect(await register(world.issuer, metadata)).toMatchObject({ status: 400, error })
  })

  test('keeps those of its redirects that are taken here', async () => {
    const uris = ['cursor://anysphere.cursor-mcp/oauth/callback', LOOPBACK, 'http://evil.example/cb']
    expect(await register(world.issuer, { redirect_uris: uris })).toMatchObject({
      status: 201,
      redirect_uris: uris.slice(0, 2),
    })
  })

  test('is one of at most as many as there may be', async () => {
    const all = await Promise.all(
      Array.from({ length: 30 }, () => register(world.issuer, { redirect_uris: [LOOPBACK] })),
    )
    expect(all.some(({ status }) => status === 429)).toBe(true)
  })
})

describe('what a client reads before it asks', () => {
  const read = async (path: string) =>
    (await (await fetch(world.origin + path)).json()) as Record<string, unknown>

  test('names the ways in, at both places', async () => {
    const document = await read('/.well-known/oauth-authorization-server/t/acme')
    expect(document).toEqual(await read('/t/acme/.well-known/openid-configuration'))
    expect(document).toMatchObject({
      authorization_endpoint: `${world.issuer}/authorize`,
      registration_endpoint: `${world.issuer}/register`,
      code_challenge_methods_supported: ['S256'],
      client_id_metadata_document_supported: true,
      authorization_response_iss_parameter_supported: true,
      response_types_supported: ['code'],
    })
    expect(document['token_endpoint_auth_methods_supported']).toContain('none')
    expect(document['grant_types_supported']).toContain('refresh_token')
  })

  test('names none where nobody signs in', async () => {
    const document = await read('/.well-known/oauth-authorization-server/t/operator')
    expect(document['authorization_endpoint']).toBeUndefined()
    expect(document['grant_types_supported']).not.toContain('authorization_code')
    expect(
      (
        await fetch(`${world.origin}/t/operator/register`, {
          method: 'POST',
          body: '{}',
          headers: { 'content-type': 'application/json' },
        })
      ).status,
    ).toBe(404)
  })
})
