import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHAT, type SignInWorld, startSignInWorld } from '../support/sign-in-world.ts'

let world: SignInWorld
beforeAll(async () => {
  world = await startSignInWorld()
}, 60_000)
afterAll(async () => {
  expect(world.faults).toEqual([])
  await world.close()
})

const STRANGER = 'https://anywhere.example'
/** Routes that scripts of any site may call: no cookie counts there, and nobody answers a question there. */
const ANYBODY = [
  'GET /.well-known/oauth-authorization-server/t/:tenant',
  'GET /.well-known/openid-configuration/t/:tenant',
  'GET /t/:tenant/.well-known/openid-configuration',
  'GET /t/:tenant/.well-known/oauth-authorization-server',
  'GET /t/:tenant/jwks.json',
  'POST /t/:tenant/token',
  'POST /t/:tenant/revoke',
  'POST /t/:tenant/register',
]
const SERVERS = [
  'GET /.well-known/oauth-protected-resource/t/:tenant/mcp/:resource',
  'GET /.well-known/oauth-protected-resource',
]
const MCP = ['POST', 'GET', 'DELETE'].map((method) => `${method} /t/:tenant/mcp/:resource`)

const pathOf = (route: string) =>
  (route.split(' ')[1] ?? '').replace(':tenant', 'acme').replace(':resource', 'notes')
const methodOf = (route: string) => route.split(' ')[0] ?? ''

/** What a browser is told when it asks whether a script of that site may call. */
async function asked(origin: string, route: string, from: string) {
  const response = await fetch(origin + pathOf(route), {
    method: 'OPTIONS',
    headers: { origin: from, 'access-control-request-method': methodOf(route) },
  })
  return {
    status: response.status,
    to: response.headers.get('access-control-allow-origin'),
    methods: response.headers.get('access-control-allow-methods')?.split(', '),
    cookies: response.headers.get('access-control-allow-credentials'),
  }
}

describe('scripts of other sites', () => {
  test('may call what the tables say and nothing else, and never bring cookies', () => {
    const open = (routes: SignInWorld['routes']['authority']) =>
      routes.filter(({ cors }) => cors !== undefined).map(({ method, path }) => `${method} ${path}`)
    expect(open(world.routes.authority).sort()).toEqual([...ANYBODY].sort())
    expect(open(world.routes.gateway).sort()).toEqual([...MCP, ...SERVERS].sort())
    expect(open(world.routes.socket)).toEqual([])
  })

  test.each(ANYBODY)('of any site may call %s', async (route) => {
    expect(await asked(world.origin, route, STRANGER)).toMatchObject({ status: 204, to: '*', cookies: null })
  })

  test.each(SERVERS)('of any site may read %s', async (route) => {
    const { origin } = new URL(world.resource)
    expect(await asked(origin, route, STRANGER)).toMatchObject({ status: 204, to: '*', cookies: null })
    expect((await fetch(origin + pathOf(route))).headers.get('access-control-allow-origin')).toBe('*')
  })

  test.each(MCP)('of a listed site alone may call %s', async (route) => {
    const { origin } = new URL(world.resource)
    expect(await asked(origin, route, CHAT)).toEqual({
      status: 204,
      to: CHAT,
      methods: ['POST', 'GET', 'DELETE'],
      cookies: null,
    })
    for (const from of [STRANGER, 'null', `${CHAT}.evil.example`, CHAT.replace('https', 'http')])
      expect(await asked(origin, route, from)).toMatchObject({ status: 405, to: null })
  })

  test.each([
    'GET /t/:tenant/authorize',
    'GET /t/:tenant/sign-in',
    'POST /t/:tenant/consent',
    'POST /t/:tenant/introspect',
    'GET /admin/v1/tenants',
  ])('of no site may call %s', async (route) => {
    for (const from of [STRANGER, CHAT])
      expect(await asked(world.origin, route, from)).toMatchObject({ status: 405, to: null })
    const headers = { origin: CHAT, 'content-type': 'application/x-www-form-urlencoded' }
    const method = methodOf(route)
    const answer = await fetch(world.origin + pathOf(route), { method, headers, redirect: 'manual' })
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  })

  test('read why they are refused, and where to ask for a token', async () => {
    const response = await fetch(world.resource, {
      method: 'POST',
      headers: { origin: CHAT, 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    })
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([401, CHAT])
    const readable = response.headers.get('access-control-expose-headers')?.split(', ')
    expect(readable).toEqual(expect.arrayContaining(['www-authenticate', 'mcp-session-id', 'dpop-nonce']))
    expect(response.headers.get('www-authenticate')).toContain('resource_metadata=')
  })

  test('of a foreign site are refused by the server, too, before anybody looks at their token', async () => {
    const headers = { origin: STRANGER, 'content-type': 'application/json' }
    const response = await fetch(world.resource, { method: 'POST', headers, body: '{}' })
    expect(response.status).toBe(403)
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
    expect(await response.json()).toMatchObject({ error: { data: { reason: 'mcp.origin' } } })
  })
})
