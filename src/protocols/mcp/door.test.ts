import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TokenAsk } from '../../../test/fakes/enforcement-point.ts'
import { ANA, type Behind, type OpenDoor, openDoor, startBehind } from '../../../test/fakes/mcp-door.ts'
import { fakeProver } from '../../../test/fakes/tenant.ts'
import { change } from '../../../test/properties/decide-world.ts'

let behind: Behind
let at: OpenDoor
beforeAll(async () => {
  behind = await startBehind()
})
afterAll(() => behind.close())
beforeEach(async () => {
  behind.status = 0
  behind.seen.length = 0
  at = await openDoor(behind)
})
afterEach(() => at.close())

const own = { customer_id: 'c-42' }

async function connected(mode: 'auto' | 'legacy', headers: Record<string, string>): Promise<Client> {
  const client = new Client(
    { name: 'test', version: '1' },
    mode === 'auto' ? { versionNegotiation: { mode } } : {},
  )
  await client.connect(new StreamableHTTPClientTransport(new URL(at.urlOf()), { requestInit: { headers } }))
  return client
}

describe('an ordinary client', () => {
  it.each(['auto', 'legacy'] as const)(
    'in era "%s" sees its tools, calls one, and is refused in words',
    async (mode) => {
      const client = await connected(mode, at.bearer())
      expect(client.getServerCapabilities()).toEqual({ tools: { listChanged: true } })
      expect(client.getInstructions()).toBeUndefined()
      const { tools } = await client.listTools()
      expect(tools.map((tool) => tool.name)).toEqual(['get_order'])
      const found = await client.callTool({ name: 'get_order', arguments: own })
      expect(found).toMatchObject({ content: [{ text: 'order of c-42' }] })
      const refused = await client.callTool({ name: 'get_order', arguments: { customer_id: 'c-77' } })
      expect(refused).toMatchObject({ isError: true, _meta: { 'countersign/reason': 'user.no_permit' } })
      expect(JSON.stringify(refused.content)).toContain('c-42')
      await client.close()
    },
  )

  it('leases one credential for its session, and the server behind never sees its token', async () => {
    const headers = at.bearer()
    const client = await connected('auto', headers)
    await Promise.all([1, 2, 3].map(() => client.callTool({ name: 'get_order', arguments: own })))
    expect(at.point.asks).toHaveLength(1)
    for (const seen of behind.seen) {
      expect(seen.authorization).not.toBe(headers.authorization)
      expect(Object.keys(seen).filter((name) => /dpop|cookie|forwarded|origin/.test(name))).toEqual([])
    }
    await client.close()
  })

  it('gets a new credential when the user it was made for has changed', async () => {
    await at.call(own, at.bearer())
    at.point.apply(
      change('a', 'user', 'ana@a.example', {
        user: 'ana@a.example',
        idp: 'company',
        sub: 'ana',
        state: 'active',
        attributes: { customer_id: 'c-43' },
      }),
    )
    await at.call({ customer_id: 'c-43' }, at.bearer())
    expect(at.point.asks).toHaveLength(2)
  })

  it('keeps a listening stream until the chain is revoked, and then hears that it ended', async () => {
    const client = await connected('auto', at.bearer())
    const stream = await client.listen({ toolsListChanged: true })
    const open = behind.open
    at.point.revoke('a', `user:${ANA}`)
    expect(await stream.closed).toBe('graceful')
    await expect.poll(() => behind.open).toBe(open - 1)
    expect(at.recorded('outcome').at(-1)).toEqual(['deny', 'chain.revoked', undefined])
    await client.close().catch(() => undefined)
  })
})

describe('a caller that proves nothing', () => {
  it('is told where to ask for a token, and by whom it must be issued', async () => {
    const { status, challenge } = await at.call(own, {})
    expect(status).toBe(401)
    const [, url = ''] = /^Bearer resource_metadata="([^"]+)"$/.exec(challenge) ?? []
    const metadata = await (await fetch(url)).json()
    expect(metadata).toMatchObject({
      resource: at.urlOf(),
      authorization_servers: ['https://authority.example/t/a'],
      scopes_supported: [],
    })
    expect(at.point.events).toEqual([])
  })

  it.each(['GET', 'DELETE'])(
    'is refused with %s too, where a caller that is known learns that there is nothing',
    async (method) => {
      expect((await fetch(at.urlOf(), { method })).status).toBe(401)
      const modern = { ...at.bearer(), 'mcp-protocol-version': '2026-07-28' }
      const known = await fetch(at.urlOf(), { method, headers: modern })
      expect([known.status, known.headers.get('allow')]).toEqual([405, 'POST'])
      expect(behind.seen).toEqual([])
    },
  )

  it('sees the same where nothing is and where this gateway serves nothing', async () => {
    const nothing = await at.call(own, {}, 'get_order', `${at.origin}/t/a/mcp/nowhere`)
    expect(nothing.status).toBe(404)
    at.point.broken.unlisted.push('b', 'a/catalogue')
    for (const [tenant, resource] of [
      ['b', 'orders'],
      ['a', 'catalogue'],
      ['nobody', 'orders'],
      ['operator', 'warehouse'],
    ]) {
      expect(await at.call(own, at.bearer(), 'get_order', at.urlOf(tenant, resource))).toEqual(nothing)
    }
    expect((await fetch(`${at.origin}/.well-known/oauth-protected-resource/t/b/mcp/orders`)).status).toBe(404)
  })

  it.each<[string, Partial<TokenAsk>, string]>([
    ['for another resource', { resource: 'catalogue' }, 'token.audience'],
    ['of another tenant', { tenant: 'b' }, 'token.issuer'],
    ['that has expired', { over: { exp: 1_000_000 } }, 'token.expired'],
    ['that is bound to a key', { jkt: 'k' }, 'token.bound'],
  ])('is refused with a token %s', async (_name, ask, reason) => {
    const { status, challenge, json } = await at.call(own, at.bearer(ask))
    expect([status, json.error?.data.reason]).toEqual([401, reason])
    expect(challenge).toContain('error="invalid_token"')
    expect(behind.seen).toEqual([])
  })

  it('is refused from a foreign page', async () => {
    const { status } = await at.call(own, { ...at.bearer(), origin: 'https://evil.example' })
    expect(status).toBe(403)
    expect((await at.call(own, { ...at.bearer(), origin: at.origin })).status).toBe(200)
  })
})

describe('a token bound to a key', () => {
  it('works with a proof of that key for this URL, once per proof', async () => {
    const me = fakeProver(Math.floor(Date.now() / 1000), 'POST', at.urlOf())
    const token = at.point.token({ tenant: 'a', user: ANA, jkt: me.jkt })
    const headers = { authorization: `DPoP ${token}`, dpop: me.prove({}, token) }
    expect((await at.call(own, headers)).json.result?.content?.[0]?.text).toBe('order of c-42')
    const again = await at.call(own, headers)
    expect([again.status, again.json.error?.data.reason]).toEqual([401, 'dpop.replayed'])
    expect(again.challenge).toMatch(/^DPoP .*error="invalid_dpop_proof"/)
    const thief = fakeProver(Math.floor(Date.now() / 1000), 'POST', at.urlOf())
    const stolen = await at.call(own, { authorization: `DPoP ${token}`, dpop: thief.prove({}, token) })
    expect([stolen.status, stolen.json.error?.data.reason]).toEqual([401, 'dpop.key_mismatch'])
    expect(at.recorded('decision').at(-1)).toEqual(['deny', 'dpop.key_mismatch', undefined])
  })
})
