import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FakePoint, TokenAsk } from '../../../test/fakes/enforcement-point.ts'
import { ANA, type OpenDoor, openDoor } from '../../../test/fakes/mcp-door.ts'
import { type SessionServer, startSessionServer } from '../../../test/fakes/session-server.ts'
import { ana } from '../../../test/properties/decide-world.ts'
import { serveRoutes } from '../../lib/http/server.ts'
import { openMcpDoor } from './routes.ts'

const LEGACY = '2025-11-25'
const own = { customer_id: 'c-42' }

let behind: SessionServer
let at: OpenDoor
beforeEach(async () => {
  behind = await startSessionServer()
  at = await openDoor(behind)
})
afterEach(async () => {
  await at.close()
  behind.close()
})

type Asked = { readonly method?: string; readonly id?: string | undefined; readonly ask?: Partial<TokenAsk> }

function request({ method = 'GET', id, ask = {} }: Asked, more: Record<string, string> = {}) {
  const session = id === undefined ? {} : { 'mcp-session-id': id }
  const headers = { 'mcp-protocol-version': LEGACY, accept: 'text/event-stream', ...at.bearer(ask) }
  return { method, headers: { ...headers, ...session, ...more } }
}

/** A message of the older revisions, to any gateway. */
async function post(message: object, { id, ask }: Asked = {}, url = at.urlOf(), more = {}) {
  const init = request(
    { method: 'POST', id, ask: ask ?? {} },
    { 'content-type': 'application/json', ...more },
  )
  const answer = await fetch(url, { ...init, body: JSON.stringify({ jsonrpc: '2.0', ...message }) })
  const text = await answer.text()
  return { status: answer.status, id: answer.headers.get('mcp-session-id') ?? undefined, text }
}

const HELLO = {
  id: 0,
  method: 'initialize',
  params: { protocolVersion: LEGACY, capabilities: {}, clientInfo: { name: 'test', version: '1' } },
}
const call = (order_id = '1') => ({
  id: 1,
  method: 'tools/call',
  params: { name: 'get_order', arguments: { ...own, order_id } },
})

async function begin(ask: Partial<TokenAsk> = {}, url = at.urlOf()): Promise<string> {
  const { id } = await post(HELLO, { ask }, url)
  if (id === undefined) throw new Error('no session was begun')
  return id
}

/** Another gateway of the same origin: it shares nothing with the first but what an authority tells both. */
async function otherGateway(point: FakePoint) {
  const door = openMcpDoor(point, { keepAlive: 50 })
  const server = await serveRoutes(door.routes, { host: '127.0.0.1', port: 0 })
  const url = new URL(at.urlOf())
  url.port = String(server.port)
  const close = async () => {
    await door.close()
    await server.close()
  }
  return { url: url.href, close }
}

const denials = () => at.recorded('decision').filter(([outcome]) => outcome === 'deny')

describe('a session of the server behind', () => {
  it('is one for all calls of a client, under an id of ours, at whichever gateway', async () => {
    const id = await begin()
    const [theirs = ''] = behind.sessions.keys()
    expect(id).not.toContain(theirs)
    const other = await otherGateway(at.point)
    for (const url of [at.urlOf(), other.url]) {
      const { status, text } = await post(call(), { id }, url)
      expect([status, text.includes('order of c-42')]).toEqual([200, true])
    }
    expect(behind.sessions.size).toBe(1)
    expect(behind.told.map(({ session }) => session)).toEqual([undefined, theirs, theirs])
    await other.close()
  })

  it.each<[string, Partial<TokenAsk>, string]>([
    ['another user', { user: ana('a', 'ben') as never }, 'orders'],
    ['another agent', { agent: 'a/sorter' as never }, 'orders'],
    ['another key', { over: { cnf: { jkt: 'other' } } }, 'orders'],
    ['nobody', { over: { sub: 'operator/support', act: undefined } }, 'orders'],
    ['another resource', { resource: 'catalogue' }, 'catalogue'],
  ])('is nothing to %s', async (_name, ask, resource) => {
    const id = await begin()
    behind.seen.length = 0
    const { status, text } = await post(call(), { id, ask }, at.urlOf('a', resource))
    if (status !== 401) expect([status, text.includes('session.unknown')]).toEqual([404, true])
    expect(behind.seen).toEqual([])
    expect(denials()).toHaveLength(1)
  })

  it.each([
    ['that nobody gave', () => 'nonsense', 404, 'session.unknown'],
    ['of the server behind itself', () => [...behind.sessions.keys()][0] ?? '', 404, 'session.unknown'],
    ['that was changed', (id: string) => `${id.slice(0, -2)}AA`, 404, 'session.unknown'],
    ['that is too long', () => 'x'.repeat(5000), 404, 'session.unknown'],
  ])(
    'an id %s is refused 50 times at once, without a call behind, and recorded each time',
    async (_name, made, code, reason) => {
      const id = made(await begin())
      behind.seen.length = 0
      const answers = await Promise.all(Array.from({ length: 50 }, () => post(call(), { id })))
      expect(new Set(answers.map(({ status, text }) => `${status} ${text.includes(reason)}`))).toEqual(
        new Set([`${code} true`]),
      )
      expect(behind.seen).toEqual([])
      expect(denials()).toEqual(Array.from({ length: 50 }, () => ['deny', reason, undefined]))
    },
  )

  it('is over after a day, and of one revision', async () => {
    const id = await begin()
    const other = await post(call(), { id }, at.urlOf(), { 'mcp-protocol-version': '2025-06-18' })
    expect([other.status, other.text.includes('session.revision')]).toEqual([400, true])
    at.point.broken.shiftMs = 86_400_000
    const late = await post(call(), { id })
    expect([late.status, late.text.includes('session.expired')]).toEqual([404, true])
  })

  it('is no proof: without a token nobody gets in, and a revoked one ends it', async () => {
    const id = await begin()
    const bare = await fetch(at.urlOf(), { method: 'GET', headers: { 'mcp-session-id': id } })
    expect(bare.status).toBe(401)
    const token = at.bearer()
    expect((await post(call(), { id }, at.urlOf(), token)).status).toBe(200)
    at.point.revoke('a', `user:${ANA}`)
    const ended = await post(call(), { id }, at.urlOf(), token)
    expect([ended.status, ended.text]).toEqual([401, expect.stringContaining('token.revoked')])
  })

  it('is asked for by the server behind where it needs one', async () => {
    expect((await post(call())).status).toBe(400)
  })

  it('ends where it is kept by DELETE, and then everywhere', async () => {
    const id = await begin()
    const other = await otherGateway(at.point)
    expect((await fetch(other.url, request({ method: 'DELETE', id }))).status).toBe(204)
    expect(behind.sessions.size).toBe(0)
    expect((await post(call(), { id })).status).toBe(404)
    expect((await post({ id: 2, method: 'ping' }, { id })).status).toBe(404)
    expect((await fetch(at.urlOf(), request({ method: 'DELETE', id }))).status).toBe(404)
    await other.close()
  })

  it('of which the server behind can not be told is said to live on there', async () => {
    const id = await begin()
    behind.close()
    const answer = await fetch(at.urlOf(), request({ method: 'DELETE', id }))
    expect([answer.status, await answer.text()]).toEqual([502, expect.stringContaining('session.not_ended')])
  })

  it('can only be ended by who names it', async () => {
    await begin()
    expect((await fetch(at.urlOf(), request({ method: 'DELETE' }))).status).toBe(400)
    expect(behind.sessions.size).toBe(1)
  })
})

async function connected(): Promise<{ client: Client; changed: () => number; close: () => Promise<void> }> {
  let changes = 0
  const client = new Client({ name: 'test', version: '1' })
  client.setNotificationHandler('notifications/tools/list_changed', () => {
    changes += 1
  })
  const transport = new StreamableHTTPClientTransport(new URL(at.urlOf()), {
    requestInit: { headers: at.bearer() },
  })
  await client.connect(transport)
  return { client, changed: () => changes, close: () => client.close() }
}

describe('the stream of a session', () => {
  it('tells an ordinary client of changes, until the chain is revoked', async () => {
    const { client, changed, close } = await connected()
    await expect.poll(() => behind.open).toBe(1)
    await behind.announce()
    await expect.poll(changed).toBe(1)
    at.point.revoke('a', `user:${ANA}`)
    await expect.poll(() => behind.open).toBe(0)
    await expect(client.callTool({ name: 'get_order', arguments: own })).rejects.toThrow()
    await close().catch(() => undefined)
  })

  it('goes on from an event for the caller who was sent it, and for nobody else', async () => {
    behind.close()
    await at.close()
    behind = await startSessionServer({
      dropped: async (context) => {
        context.http?.closeSSE?.()
        await new Promise((resolve) => setTimeout(resolve, 50))
        return 'after all'
      },
    })
    at = await openDoor(behind)
    const { client, close } = await connected()
    const found = await client.callTool({ name: 'get_order', arguments: { ...own, order_id: 'dropped' } })
    expect(found.content).toMatchObject([{ text: 'after all' }])
    await close()

    const id = await begin()
    const { text } = await post(call('dropped'), { id })
    const [, event = ''] = /^id: (.+)$/m.exec(text) ?? []
    expect(event).toMatch(/^[a-z0-9]+\./)
    const resumed = await fetch(at.urlOf(), request({ id }, { 'last-event-id': event }))
    expect(await resumed.text()).toContain('after all')
    const elsewhere = await begin()
    for (const [session, last] of [
      [elsewhere, event],
      [id, `${event}A`],
      [id, '0@x'],
    ] as const) {
      const refused = await fetch(at.urlOf(), request({ id: session }, { 'last-event-id': last }))
      expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('session.event')])
    }
  })

  it('is not there in 2026-07-28, and nothing is asked behind', async () => {
    const id = await begin()
    behind.seen.length = 0
    for (const method of ['GET', 'DELETE']) {
      const answer = await fetch(
        at.urlOf(),
        request({ method, id }, { 'mcp-protocol-version': '2026-07-28' }),
      )
      expect(answer.status).toBe(405)
    }
    expect(behind.seen).toEqual([])
  })
})
