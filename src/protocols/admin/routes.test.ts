import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { closeCedar, type FakeAdmin, fakeAdmin } from '../../../test/fakes/admin.ts'
import { FILES, startAdmin } from '../../../test/fakes/admin-server.ts'
import { serveRoutes } from '../../lib/http/server.ts'
import { signJwt } from '../../lib/jose/jwt.ts'
import { keySetOf } from '../../lib/jose/key-set.ts'
import { importPublicJwk } from '../../lib/jose/public-key.ts'
import { newSigningKey } from '../../lib/jose/signing-key.ts'
import { verifyExport } from '../../sdk/verify-export.ts'
import { adminRoutes, adminSocketRoutes } from './routes.ts'

afterAll(closeCedar)

let ports: FakeAdmin
let api: Awaited<ReturnType<typeof startAdmin>>
beforeAll(async () => {
  ports = fakeAdmin()
  api = await startAdmin(ports)
  const { status, body } = await api.call('/apply', { body: { files: FILES } })
  expect([status, body.problems]).toEqual([200, undefined])
})
afterAll(() => api.close())

describe('who may', () => {
  const routes = adminRoutes(fakeAdmin())
  it.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))(
    '%s refuses a stranger',
    async (_name, { method, path, takes }) => {
      const url = api.origin + path.replaceAll(/:(\w+)/g, 'a')
      const body = takes === 'json' ? { body: '{}' } : {}
      const type = takes === 'json' ? { 'content-type': 'application/json' } : {}
      for (const authorization of ['', 'Bearer x', `Bearer ${api.token}x`, 'Basic YTpi']) {
        const headers = { ...type, ...(authorization ? { authorization } : {}) }
        const response = await fetch(url, { method, headers, ...body })
        expect(response.status).toBe(401)
        expect(response.headers.get('www-authenticate')).toContain('Bearer')
        expect(await response.json()).toMatchObject({
          reason: expect.stringMatching(/^admin\.(no_token|token_invalid)$/),
        })
      }
    },
  )
  it('is not decided by a token of another key, kind, audience or time', async () => {
    const aud = 'https://authority.example/admin'
    const iat = Math.floor(ports.now() / 1000)
    const good = { iss: aud, aud, sub: 'local', iat, exp: iat + 60 }
    const { key, kid } = ports.adminKey
    const other = newSigningKey()
    const tokens = {
      good: signJwt(good, { key, kid, typ: 'admin+jwt' }),
      'another key': signJwt(good, { key: other.key, kid: other.kid, typ: 'admin+jwt' }),
      'our kid, another key': signJwt(good, { key: other.key, kid, typ: 'admin+jwt' }),
      'another kind': signJwt(good, { key, kid, typ: 'at+jwt' }),
      'another audience': signJwt(
        { ...good, aud: 'https://authority.example/t/a' },
        { key, kid, typ: 'admin+jwt' },
      ),
      'two audiences': signJwt({ ...good, aud: [aud, 'x'] }, { key, kid, typ: 'admin+jwt' }),
      'another issuer': signJwt(
        { ...good, iss: 'https://authority.example/t/a' },
        { key, kid, typ: 'admin+jwt' },
      ),
      over: signJwt({ ...good, iat: iat - 60, exp: iat }, { key, kid, typ: 'admin+jwt' }),
      'too long': signJwt({ ...good, exp: iat + 5000 }, { key, kid, typ: 'admin+jwt' }),
    }
    for (const [name, token] of Object.entries(tokens)) {
      const { status } = await api.call('/tenants', { token })
      expect([name, status]).toEqual([name, name === 'good' ? 200 : 401])
    }
  })
  it('can only log in where the socket is served', () => {
    const paths = (all: readonly { readonly path: string }[]) => all.map(({ path }) => path)
    expect(paths(adminRoutes(ports))).not.toContain('/admin/v1/login')
    expect(paths(adminSocketRoutes(ports))).toContain('/admin/v1/login')
  })
  it("is a listed subject of the company's issuer, with a token for this audience", async () => {
    const signer = newSigningKey()
    const key = importPublicJwk({ ...signer.jwk })
    if (!key.ok) throw new Error('no key')
    const keys = { find: async () => ({ ok: true as const, value: keySetOf([key.value]) }) }
    const issuer = 'https://idp.example'
    const withIssuer = fakeAdmin({ admins: { issuer, audience: 'countersign', subjects: ['dana'], keys } })
    const other = await startAdmin(withIssuer)
    const iat = Math.floor(withIssuer.now() / 1000)
    const tokenOf = (claims: object, typ = 'JWT') =>
      signJwt(
        { iss: issuer, aud: 'countersign', sub: 'dana', iat, exp: iat + 60, ...claims },
        { ...signer, typ },
      )
    const statusOf = async (token: string) => {
      const { status, body } = await other.call('/tenants', { token })
      return [status, body.reason]
    }
    expect(await statusOf(tokenOf({}))).toEqual([200, undefined])
    expect(await statusOf(tokenOf({ sub: 'eve' }))).toEqual([403, 'admin.not_listed'])
    expect(await statusOf(tokenOf({ aud: 'else' }))).toEqual([401, 'admin.token_invalid'])
    expect(await statusOf(tokenOf({ iss: 'https://else.example' }))).toEqual([401, 'admin.token_invalid'])
    expect(await statusOf(tokenOf({ exp: iat - 60 }))).toEqual([401, 'admin.token_invalid'])
    expect(await statusOf(tokenOf({ events: {} }))).toEqual([401, 'admin.token_invalid'])
    expect(await statusOf(tokenOf({}, 'logout+jwt'))).toEqual([401, 'admin.token_invalid'])
    expect(await statusOf(tokenOf({}, 'admin+jwt'))).toEqual([401, 'admin.token_invalid'])
    await other.close()
  })
})

describe('revocations', () => {
  it('say what ended, are listed, and can be lifted', async () => {
    const body = { kind: 'agent', name: 'support', reason: 'INC-219' }
    const done = await api.call('/t/a/revocations', { body })
    expect(done).toMatchObject({ status: 200, body: { link: 'agent:a/support', sessions: 41 } })
    const { body: listed } = await api.call('/t/a/revocations')
    expect(listed.revocations).toContainEqual(
      expect.objectContaining({ link: 'agent:a/support', standing: true }),
    )
    const lift = () => api.call('/t/a/revocations/agent:support?reason=fixed', { method: 'DELETE' })
    expect(await lift()).toMatchObject({ status: 200, body: { link: 'agent:a/support' } })
    expect(await lift()).toMatchObject({ status: 409, body: { reason: 'revocation.not_standing' } })
  })
  it('of what is not there, or in a tenant that is not there, are 404', async () => {
    const body = { kind: 'agent', name: 'nobody', reason: 'x' }
    expect(await api.call('/t/a/revocations', { body })).toMatchObject({
      status: 404,
      body: { reason: 'link.unknown' },
    })
    expect(await api.call('/t/b/revocations', { body })).toMatchObject({
      status: 404,
      body: { reason: 'admin.unknown' },
    })
    expect(await api.call('/t/a/revocations', { body: { kind: 'agent', name: 'support' } })).toMatchObject({
      status: 400,
    })
  })
})

describe('the rest', () => {
  it('explains as the data path decides', async () => {
    await api.call('/apply', { body: { files: FILES } })
    const ask = { agent: 'support', user: 'ana@a.example', tool: 'orders/get_order' }
    const explain = (input: object) => api.call('/t/a/explain', { body: { ...ask, input } })
    expect(await explain({ customer_id: 'c-42' })).toMatchObject({ body: { outcome: 'allow' } })
    const { body } = await explain({ customer_id: 'c-77' })
    expect(body).toMatchObject({ outcome: 'deny', reason: 'user.no_permit' })
    expect(body.sides[1].nearest[0]).toMatchObject({ policy: 'own', says: '"c-77" is not "c-42"' })
    expect(await api.call('/t/a/explain', { body: { ...ask, agent: 'suport' } })).toMatchObject({
      status: 404,
      body: { reason: 'explain.agent_unknown', title: expect.stringContaining('did you mean `support`?') },
    })
    expect(await api.call('/t/b/explain', { body: ask })).toMatchObject({
      status: 404,
      body: { reason: 'admin.unknown' },
    })
  })
  it('shows the audit, filtered', async () => {
    const { body } = await api.call('/t/a/audit?outcome=done&limit=2')
    expect(body.events).toHaveLength(2)
    expect(body.treeSize).toBe(ports.memory.log('a').length)
    expect(body.events[0]).toMatchObject({ user: 'local', outcome: 'done' })
    expect((await api.call('/t/a/audit?agent=operator/none')).body.events).toEqual([])
    expect((await api.call('/t/a/audit?limit=0')).status).toBe(400)
    expect((await api.call('/t/a/audit?from=yesterday')).status).toBe(400)
    expect((await api.call('/t/a/audit?who=me')).body.reason).toBe('admin.query')
  })
  it('exports a log that anyone can verify with the log key', async () => {
    const { body: key } = await api.call('/t/a/log-key')
    const { body: text, headers } = await api.call('/t/a/export')
    expect(headers.get('content-type')).toBe('application/x-ndjson')
    const lines = String(text).trimEnd().split('\n')
    const report = await verifyExport(lines, { logKey: key.key })
    expect(report).toMatchObject({ ok: true, value: { tenant: 'a', whole: true, complete: true } })
    const altered = lines.map((line, at) => (at === 2 ? line.replace('done', 'dome') : line))
    expect(await verifyExport(altered, { logKey: key.key })).toMatchObject({
      ok: false,
      error: { facts: { index: 1 } },
    })
  })
  it('tells gateways, roots and tenants', async () => {
    expect(await api.call('/gateways')).toMatchObject({ body: { gateways: [{ instance: 'gw-1' }] } })
    expect(await api.call('/roots')).toMatchObject({ body: { roots: [{ root: 'audit-log.key' }] } })
    expect(await api.call('/tenants')).toMatchObject({
      body: { tenants: [{ tenant: 'a', agents: 1, policies: 2 }] },
    })
  })
  it('describes itself, with every reference leading somewhere', async () => {
    const { body } = await api.call('/openapi.json')
    const routes = adminRoutes(ports).map(
      ({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`,
    )
    const described = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(described.sort()).toEqual([...routes].sort())
    const refs = [...JSON.stringify(body).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name ?? '',
    )
    expect(refs.length).toBeGreaterThan(20)
    expect(refs.filter((name) => !(name in body.components.schemas))).toEqual([])
    expect(JSON.stringify(body)).not.toContain('"$ref":"#"')
  })
  it('can be served on a unix socket', async () => {
    const { mkdtemp, rm } = await import('node:fs/promises')
    const folder = await mkdtemp('/tmp/cs-admin-')
    const path = `${folder}/admin.sock`
    const server = await serveRoutes(adminSocketRoutes(ports), { host: '', port: 0, path })
    const { request } = await import('node:http')
    const status = await new Promise((resolve, reject) => {
      const sent = request({ socketPath: path, path: '/admin/v1/login', method: 'POST' }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      sent.on('error', reject)
      sent.end()
    })
    expect(status).toBe(200)
    await server.close()
    await rm(folder, { recursive: true })
  })
})
