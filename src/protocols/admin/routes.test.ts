import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { closeCedar, type FakeAdmin, fakeAdmin } from '../../../test/fakes/admin.ts'
import { link } from '../../core/lifecycle/revocation.ts'
import { serveRoutes } from '../../lib/http/server.ts'
import { signJwt } from '../../lib/jose/jwt.ts'
import { keySetOf } from '../../lib/jose/key-set.ts'
import { importPublicJwk } from '../../lib/jose/public-key.ts'
import { newSigningKey } from '../../lib/jose/signing-key.ts'
import { verifyExport } from '../../sdk/verify-export.ts'
import { adminRoutes, adminSocketRoutes } from './routes.ts'

afterAll(closeCedar)

const TENANT = `
tenant: a
display: Customer A
user_attributes: { customer_id: String }
---
idp: company
issuer: https://idp.example
---
trust: prod
attestor: oidc-token
preset: kubernetes
issuer: https://cluster.example
audience: https://authority.example/t/a
pin: { sa-uid: ["1"] }
---
agent: support
kind: customer
owner: lee@a.example
is: { trust: prod, "k8s:ns": support }
---
resource: orders
type: mcp
at: https://orders.internal/mcp
data: argument
tools:
  get_order:
    hint: read
    input: { type: object, properties: { customer_id: { type: string } }, required: [customer_id] }
---
user: ana@a.example
idp: company
sub: ana
attributes: { customer_id: c-42 }
---
delegation: support-desk
agent: support
user: "*"
tools: ["orders/*"]
`
const POLICIES = `
@id("support-reads-orders")
permit (principal == Agent::"support", action in Action::"orders/*read", resource == Resource::"orders");
@id("own")
permit (principal is User, action == Action::"orders/get_order", resource == Resource::"orders")
when { context.input.customer_id == principal.customer_id };
`
const FILES = [
  { path: 'a/tenant.yaml', text: TENANT },
  { path: 'a/orders.cedar', text: POLICIES },
]

type Sent = {
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
  readonly token?: string
}

async function start(ports: FakeAdmin) {
  const server = await serveRoutes(adminSocketRoutes(ports), {
    host: '127.0.0.1',
    port: 0,
    onFault: (fault) => console.error(fault),
  })
  const origin = `http://127.0.0.1:${server.port}`
  const given = await fetch(`${origin}/admin/v1/login`, { method: 'POST' })
  const login = (await given.json()) as { token: string }
  const call = async (path: string, sent: Sent = {}) => {
    const response = await fetch(`${origin}/admin/v1${path}`, {
      method: sent.method ?? (sent.body === undefined ? 'GET' : 'POST'),
      headers: {
        authorization: `Bearer ${sent.token ?? login.token}`,
        ...(sent.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...sent.headers,
      },
      ...(sent.body === undefined ? {} : { body: JSON.stringify(sent.body) }),
    })
    const text = await response.text()
    const json = response.headers.get('content-type')?.includes('json') && !text.includes('\n{')
    return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text }
  }
  return { ...server, origin, call, token: String(login.token) }
}

let ports: FakeAdmin
let api: Awaited<ReturnType<typeof start>>
beforeAll(async () => {
  ports = fakeAdmin()
  api = await start(ports)
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
    const other = await start(withIssuer)
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

describe('configuration', () => {
  it('that is applied again changes nothing', async () => {
    const { body } = await api.call('/apply', { body: { files: FILES } })
    expect(body.lines).toEqual([])
  })
  it('is planned without being changed, and says what would change', async () => {
    const changed = [{ ...FILES[0], text: TENANT.replace('Customer A', 'Another') }, FILES[1]]
    const before = ports.snapshot().revision
    const { body } = await api.call('/plan', { body: { files: changed } })
    expect(body.lines).toEqual([{ tenant: 'a', kind: 'tenant', name: 'a', how: 'change', keys: ['display'] }])
    expect(ports.snapshot().revision).toBe(before)
  })
  it.each(['check', 'plan', 'apply'])(
    'with a problem is refused whole by %s, with the place',
    async (how) => {
      const broken = [
        FILES[0],
        { path: 'a/orders.cedar', text: POLICIES.replace('principal.customer_id', 'principal.custmer_id') },
      ]
      const before = ports.snapshot().revision
      const { status, body } = await api.call(`/${how}`, { body: { files: broken } })
      expect([status, body.reason]).toEqual([422, 'configuration.refused'])
      expect(body.problems).toMatchObject([
        { path: 'a/orders.cedar', line: 6, column: 47, hint: 'did you mean `customer_id`?' },
      ])
      expect(ports.snapshot().revision).toBe(before)
    },
  )
  it('is refused for what a target lets anyone do, with the remedy', async () => {
    const remedy = ['REVOKE ALL ON public.t FROM PUBLIC;']
    const base = fakeAdmin()
    const registry = {
      ...base.registry,
      inspect: async () => [{ code: 'postgres.public_table', says: 'x', remedy }],
    }
    const other = await start({ ...base, registry })
    const credential = `---\ncredential: token\nprovider: signed-token\n---\n`
    const text = TENANT.replace('---\nidp', `${credential}idp`).replace(
      'data: argument',
      'data: argument\ncredential: { provider: token }',
    )
    const files = [{ path: 'a/tenant.yaml', text }]
    expect(await other.call('/check', { body: { files } })).toMatchObject({ status: 200 })
    for (const how of ['plan', 'apply']) {
      const { status, body } = await other.call(`/${how}`, { body: { files } })
      expect([status, body.findings]).toMatchObject([422, [{ tenant: 'a', resource: 'orders', remedy }]])
    }
    expect(base.snapshot().tenants.size).toBe(0)
    await other.close()
  })
  it('is planned anew when somebody else commits in between', async () => {
    const event = { tenant: 'a', at: ports.now(), kind: 'admin', outcome: 'done', reason: 'x' } as const
    const doc = { revocation: link('token', 't1'), standing: true, reason: 'x' }
    const change = { tenant: 'a', kind: 'revocation', name: doc.revocation, doc } as const
    ports.memory.interfere({ events: [event], changes: [change] } as never)
    const changed = [{ ...FILES[0], text: TENANT.replace('Customer A', 'Now') }, FILES[1]]
    expect(await api.call('/apply', { body: { files: changed } })).toMatchObject({
      status: 200,
      body: { lines: [{ how: 'change' }] },
    })
    await api.call('/apply', { body: { files: FILES } })
  })
  it('writes an event for each tenant, with counts and who', async () => {
    const [first] = ports.memory.log('a')
    expect(first?.event).toMatchObject({
      kind: 'admin',
      reason: 'configuration.applied',
      facts: { added: 9 },
    })
    expect(first?.openings.user?.value).toBe('local')
    expect(first?.leaf).not.toContain('local')
  })
  it.each([
    ['no files', { files: [] }],
    ['an unknown member', { files: FILES, force: true }],
    ['no object', []],
  ])('as %s is 400', async (_name, body) => {
    expect(await api.call('/apply', { body })).toMatchObject({ status: 400, body: { reason: 'admin.body' } })
  })
})

describe('documents', () => {
  it('are listed and read with their revision', async () => {
    const { body } = await api.call('/t/a/agent')
    expect(body.documents.map(({ name }: { name: string }) => name)).toEqual(['support'])
    const one = await api.call('/t/a/agent/support')
    expect(one.headers.get('etag')).toBe(`"${one.body.revision}"`)
    expect(one.body.doc).toMatchObject({ agent: 'support', state: 'active' })
  })
  it('are the same 404, whether the tenant, the kind or the name is not there', async () => {
    for (const path of [
      '/t/b/agent/support',
      '/t/a/agent/nobody',
      '/t/a/nothing/x',
      '/t/b/agent',
      '/t/a/nothing',
      '/t/b/audit',
      '/t/b/revocations',
      '/t/b/export',
      '/t/b/checkpoint',
      '/t/b/log-key',
      '/t/a/audit/dec_none',
      '/t/b/audit/dec_none',
    ]) {
      const { status, body } = await api.call(path)
      expect([path, status, body]).toEqual([
        path,
        404,
        {
          type: 'about:blank',
          title: 'There is no such tenant or object.',
          status: 404,
          reason: 'admin.unknown',
        },
      ])
    }
    expect(await api.call('/t/b/agent/x', { method: 'PUT', body: {} })).toMatchObject({ status: 404 })
    expect(await api.call('/t/a/agent/nobody', { method: 'DELETE' })).toMatchObject({ status: 404 })
    expect(await api.call('/t/a/key/x', { method: 'PUT', body: {} })).toMatchObject({ status: 404 })
  })
  it('are written with an audit event, unless somebody changed them since', async () => {
    const { body: before } = await api.call('/t/a/agent/support')
    const put = (match: string) =>
      api.call('/t/a/agent/support', {
        method: 'PUT',
        body: { ...before.doc, owner: 'sam@a.example' },
        headers: { 'if-match': match },
      })
    expect(await put('"999"')).toMatchObject({ status: 412, body: { reason: 'document.changed' } })
    expect(await put('x')).toMatchObject({ status: 400, body: { reason: 'admin.if_match' } })
    const written = await put(`"${before.revision}"`)
    expect(written).toMatchObject({ status: 200, body: { how: 'change' } })
    expect(ports.memory.log('a').at(-1)?.event).toMatchObject({
      reason: 'document.written',
      facts: { how: 'change', kind: 'agent', name: 'support' },
    })
    expect((await put(`"${before.revision}"`)).status).toBe(412)
    expect(
      await api.call('/t/a/agent/support', {
        method: 'PUT',
        body: { ...before.doc, owner: 'sam@a.example' },
      }),
    ).toMatchObject({ body: { how: 'same' } })
  })
  it('are judged with the tenant around them', async () => {
    const gone = await api.call('/t/a/resource/orders', { method: 'DELETE' })
    expect([gone.status, gone.body.problems?.[0]?.code]).toEqual([422, 'configuration.reference'])
    const attribute = await api.call('/t/a/tenant/a', { method: 'PUT', body: { display: 'A' } })
    expect([attribute.status, attribute.body.problems[0].code]).toEqual([422, 'policy.invalid'])
    expect((await api.call('/t/a/tenant/a', { method: 'DELETE' })).body.reason).toBe('document.tenant_in_use')
    const key = await api.call('/t/a/agent/x', {
      method: 'PUT',
      body: { kind: 'workforce', owner: 'a@a.example', is: { trust: 'prod' }, ownr: 1 },
    })
    expect(key.body.problems[0]).toMatchObject({ path: 'a/agent/x', hint: 'did you mean `owner`?' })
  })
  it('of a user are written without the name in the log', async () => {
    const user = { idp: 'company', sub: 'bo' }
    expect(
      await api.call(`/t/a/user/${encodeURIComponent('bo@a.example')}`, { method: 'PUT', body: user }),
    ).toMatchObject({ status: 200, body: { how: 'add' } })
    expect(ports.memory.log('a').at(-1)?.leaf).not.toContain('bo@')
    expect(
      await api.call(`/t/a/user/${encodeURIComponent('bo@a.example')}`, { method: 'DELETE' }),
    ).toMatchObject({ body: { how: 'remove' } })
  })
  it('that are policies are Cedar text under their own name', async () => {
    const text = '@id("no-writes") forbid (principal, action in Action::"orders/*write", resource);'
    const put = (name: string, body: unknown) => api.call(`/t/a/policy/${name}`, { method: 'PUT', body })
    expect(await put('no-writes', { text })).toMatchObject({ status: 200, body: { how: 'add' } })
    expect(await put('other', { text })).toMatchObject({ status: 422 })
    expect(await put('all', { text: '@id("all") permit (principal, action, resource);' })).toMatchObject({
      status: 422,
      body: { problems: [{ code: 'policy.unscoped', line: 1, column: 12 }] },
    })
    expect(await put('x', { text: 1 })).toMatchObject({ status: 422 })
    expect(await api.call('/t/a/policy/no-writes', { method: 'DELETE' })).toMatchObject({
      body: { how: 'remove' },
    })
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
    const probe = createServer()
    probe.close()
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
