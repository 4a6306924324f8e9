import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { closeCedar, type FakeAdmin, fakeAdmin } from '../../../test/fakes/admin.ts'
import { FILES, POLICIES, startAdmin, TENANT } from '../../../test/fakes/admin-server.ts'

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
    const other = await startAdmin({ ...base, registry })
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
    const { body } = await api.call('/t/a/tenant/a')
    const event = { tenant: 'a', at: ports.now(), kind: 'admin', outcome: 'done', reason: 'x' } as const
    const change = { tenant: 'a', kind: 'tenant', name: 'a', doc: { ...body.doc, display: 'Now' } } as const
    ports.memory.interfere({ events: [event], changes: [change] } as never)
    const changed = [{ ...FILES[0], text: TENANT.replace('Customer A', 'Now') }, FILES[1]]
    const applied = await api.call('/apply', { body: { files: changed } })
    expect(applied).toMatchObject({ status: 200, body: { lines: [] } })
    ports.memory.interfere({
      events: [event],
      changes: [
        {
          tenant: 'a',
          kind: 'revocation',
          name: 'token:t1',
          doc: { revocation: 'token:t1', standing: true, reason: 'x' },
        },
      ],
    } as never)
    expect(await api.call('/apply', { body: { files: FILES } })).toMatchObject({
      status: 200,
      body: { lines: [{ how: 'change', keys: ['display'] }] },
    })
  })
  it('is refused where a target can not be looked at, without what it was tried with', async () => {
    const base = fakeAdmin()
    const inspect = async () => {
      throw Object.assign(new Error('no login for postgres://root:secret@db'), { code: '28P01' })
    }
    const other = await startAdmin({ ...base, registry: { ...base.registry, inspect } })
    const text = TENANT.replace(
      '---\nidp',
      '---\ncredential: token\nprovider: signed-token\n---\nidp',
    ).replace('data: argument', 'data: argument\ncredential: { provider: token }')
    const { body } = await other.call('/apply', { body: { files: [{ path: 'a/tenant.yaml', text }] } })
    expect(body.findings).toMatchObject([
      { code: 'credential.unreachable', says: expect.stringContaining('(28P01)') },
    ])
    expect(JSON.stringify(body)).not.toContain('secret')
    await other.close()
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
    expect([attribute.status, attribute.body.problems[0].code]).toEqual([422, 'configuration.attribute'])
    expect((await api.call('/t/a/tenant/a', { method: 'DELETE' })).body.reason).toBe('document.tenant_in_use')
    const key = await api.call('/t/a/agent/x', {
      method: 'PUT',
      body: { kind: 'workforce', owner: 'a@a.example', is: { trust: 'prod' }, ownr: 1 },
    })
    expect(key.body.problems[0]).toMatchObject({ path: 'a/agent/x', hint: 'did you mean `owner`?' })
  })
  it('name what their path names, and stand in their own tenant', async () => {
    const put = (path: string, body: object) => api.call(path, { method: 'PUT', body })
    const wrong = { status: 422, body: { problems: [{ code: 'configuration.name' }] } }
    expect(await put('/t/a/user/bo', { user: 'ana', idp: 'company', sub: 'bo' })).toMatchObject(wrong)
    expect(await put('/t/a/tenant/b', {})).toMatchObject(wrong)
  })
  it('of a resource are refused for what its target lets anyone do', async () => {
    const base = fakeAdmin()
    let findings: readonly { code: string; says: string; remedy: readonly string[] }[] = []
    const other = await startAdmin({ ...base, registry: { ...base.registry, inspect: async () => findings } })
    await other.call('/apply', { body: { files: FILES } })
    await other.call('/t/a/credential/token', { method: 'PUT', body: { provider: 'signed-token' } })
    const { body } = await other.call('/t/a/resource/orders')
    findings = [{ code: 'postgres.public_table', says: 'x', remedy: ['REVOKE'] }]
    const put = () =>
      other.call('/t/a/resource/orders', {
        method: 'PUT',
        body: { ...body.doc, credential: { provider: 'token' } },
      })
    expect(await put()).toMatchObject({
      status: 422,
      body: { findings: [{ resource: 'orders', remedy: ['REVOKE'] }] },
    })
    findings = []
    expect(await put()).toMatchObject({ status: 200 })
    await other.close()
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
  it('that are templates are Cedar text, and policies can be made of them one at a time', async () => {
    const put = (path: string, body: unknown) => api.call(`/t/a/${path}`, { method: 'PUT', body })
    const remove = (path: string) => api.call(`/t/a/${path}`, { method: 'DELETE' })
    const text = '@id("stopped") forbid (principal == ?principal, action, resource);'
    const link = { template: 'stopped', principal: 'User::"ana@a.example"' }
    const missing = { status: 422, body: { problems: [{ code: 'policy.unknown_template' }] } }
    expect(await put('policy/no-ana', link)).toMatchObject(missing)
    expect(await put('template/other', { text })).toMatchObject({ status: 422 })
    expect(await put('policy/stopped', { text })).toMatchObject({
      status: 422,
      body: { problems: [{ code: 'configuration.name', says: expect.stringContaining('one policy') }] },
    })
    expect(await put('template/stopped', { text: text.replace('?principal', 'User::"ana"') })).toMatchObject({
      status: 422,
      body: { problems: [{ code: 'configuration.name' }] },
    })
    expect(await put('template/stopped', { text, template: 'stopped' })).toMatchObject({ status: 422 })
    expect(await put('template/stopped', { text })).toMatchObject({ status: 200, body: { how: 'add' } })
    expect(await put('template/stopped', { text })).toMatchObject({ status: 200, body: { how: 'same' } })
    expect(await put('policy/no-ana', { ...link, resource: 'Resource::"orders"' })).toMatchObject({
      status: 422,
      body: { problems: [{ path: 'a/policy/no-ana', code: 'policy.slot_unknown' }] },
    })
    expect(await put('policy/no-ana', { ...link, princpal: 'x' })).toMatchObject({
      status: 422,
      body: { problems: [{ hint: 'did you mean `principal`?' }] },
    })
    expect(await put('policy/no-ana', link)).toMatchObject({ status: 200, body: { how: 'add' } })
    const { byName } = ports.snapshot().tenants.get('a' as never)?.policies ?? {}
    expect(byName?.get('no-ana')?.filled?.template).toBe('stopped')
    expect((await api.call('/t/a/policy/no-ana')).body.doc).toEqual({ policy: 'no-ana', ...link })
    // The template can't go, nor become another, while something is made of it that would no longer fit.
    expect(await remove('template/stopped')).toMatchObject(missing)
    const narrower = text.replace('resource)', 'resource == ?resource)')
    expect(await put('template/stopped', { text: narrower })).toMatchObject({
      status: 422,
      body: { problems: [{ path: 'a/policy/no-ana', code: 'policy.slot_missing' }] },
    })
    expect(
      await put('policy/no-ana', { text: '@id("no-ana") forbid (principal, action, resource);' }),
    ).toMatchObject({ status: 200, body: { how: 'change' } })
    expect(await put('policy/no-ana', link)).toMatchObject({ status: 200, body: { how: 'change' } })
    expect(await remove('policy/no-ana')).toMatchObject({ body: { how: 'remove' } })
    expect(await remove('template/stopped')).toMatchObject({ body: { how: 'remove' } })
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
    const fresh = '@id("fresh") forbid (principal, action, resource);'
    for (const body of [
      { text: fresh },
      { text: `${fresh}@id("x") forbid (principal, action, resource);` },
    ]) {
      expect(await put('x', body)).toMatchObject({
        status: 422,
        body: { problems: [{ code: 'configuration.name' }] },
      })
    }
    expect(await api.call('/t/a/policy/no-writes', { method: 'DELETE' })).toMatchObject({
      body: { how: 'remove' },
    })
  })
})
