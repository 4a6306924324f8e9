import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, type InputRequests, inputRequired, McpServer } from '@modelcontextprotocol/server'
import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Behind, type OpenDoor, openDoor } from '../../../test/fakes/mcp-door.ts'
import { type Orders, type SessionServer, startSessionServer } from '../../../test/fakes/session-server.ts'
import { change } from '../../../test/properties/decide-world.ts'

const own = { customer_id: 'c-42' }
const ALL = { sampling: true, elicitation: true, elicitation_url: ['login.example'], roots: true }
const CAPABILITIES = {
  sampling: { context: {} },
  elicitation: { form: {}, url: {} },
  roots: { listChanged: true },
}
const FORM = {
  message: 'Who are you?',
  requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
} as {
  message: string
  requestedSchema: { type: 'object'; properties: { name: { type: 'string' } }; required: string[] }
}
const SECRET = {
  message: 'Sign in',
  requestedSchema: { type: 'object', properties: { password: { type: 'string' } } },
} as const
const page = (url: string) => ({ mode: 'url', message: 'Open this', url, elicitationId: 'e1' }) as const
const SAMPLING = {
  messages: [{ role: 'user', content: { type: 'text', text: 'Paris?' } }],
  maxTokens: 9,
} as const

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function doorTo(behind: Behind, asks?: object): Promise<OpenDoor> {
  const at = await openDoor(behind)
  closers.push(behind.close, at.close)
  const known = at.point
    .snapshot()
    .tenants.get('a' as never)
    ?.resources.get('orders')?.resource
  at.point.apply(change('a', 'resource', 'orders', { ...known, ...(asks && { asks }) }))
  return at
}

type Heard = { readonly method: string; readonly params: Readonly<Record<string, unknown>> }

/** An ordinary client, which answers whatever it is asked. */
async function client(at: OpenDoor, mode: 'auto' | 'legacy'): Promise<{ client: Client; heard: Heard[] }> {
  const heard: Heard[] = []
  const made = new Client(
    { name: 'test', version: '1' },
    { capabilities: CAPABILITIES, ...(mode === 'auto' && { versionNegotiation: { mode } }) },
  )
  const hear = (request: { method: string; params?: object | undefined }) => {
    heard.push({ method: request.method, params: { ...request.params } })
  }
  made.setRequestHandler('elicitation/create', async (request) => {
    hear(request)
    return { action: 'accept', content: { name: 'Ana' } }
  })
  made.setRequestHandler('sampling/createMessage', async (request) => {
    hear(request)
    return { role: 'assistant', model: 'm', content: { type: 'text', text: 'yes' } }
  })
  made.setRequestHandler('roots/list', async (request) => {
    hear(request)
    return { roots: [{ uri: 'file:///work', name: 'work' }] }
  })
  const transport = new StreamableHTTPClientTransport(new URL(at.urlOf()), {
    requestInit: { headers: at.bearer() },
  })
  await made.connect(transport)
  closers.push(() => made.close())
  return { client: made, heard }
}

const order = (order_id: string) => ({ name: 'get_order', arguments: { ...own, order_id } })
const asked = (at: OpenDoor) =>
  at.point.events
    .filter(({ reason }) => reason.startsWith('asks.'))
    .map(({ reason, facts }) => [reason, facts])

/** A server of the older revisions that asks in the middle of a call, and says what it was answered. */
const ASKING: Orders = Object.fromEntries(
  Object.entries({
    form: { method: 'elicitation/create', params: FORM },
    secret: { method: 'elicitation/create', params: SECRET },
    page: { method: 'elicitation/create', params: page('https://login.example/x') },
    elsewhere: { method: 'elicitation/create', params: page('https://evil.example/x') },
    sample: { method: 'sampling/createMessage', params: { ...SAMPLING, includeContext: 'allServers' } },
    roots: { method: 'roots/list', params: {} },
    ping: { method: 'ping', params: {} },
  } as const).map(([name, ask]) => [
    name,
    async (context) => {
      try {
        return JSON.stringify(await context.mcpReq.send(ask as never, z.looseObject({}) as never))
      } catch (error) {
        return `refused: ${error instanceof Error ? error.message : ''}`
      }
    },
  ]),
)

describe('a server of the older revisions', () => {
  it.each([
    ['form', 'elicitation/create', 'Ana'],
    ['page', 'elicitation/create', 'accept'],
    ['sample', 'sampling/createMessage', 'yes'],
    ['roots', 'roots/list', 'file:///work'],
  ])('asks the client of who calls what its resource declares: %s', async (what, method, answer) => {
    const at = await doorTo(await startSessionServer(ASKING), ALL)
    const { client: caller, heard } = await client(at, 'legacy')
    const { content } = await caller.callTool(order(what))
    expect(JSON.stringify(content)).toContain(answer)
    expect(heard.map((each) => each.method)).toEqual([method])
    expect(heard[0]?.params).not.toHaveProperty('includeContext')
    expect(asked(at)).toEqual([['asks.passed', { method }]])
  })

  it.each([
    ['form', undefined, 'asks.undeclared'],
    ['page', { ...ALL, elicitation_url: [] }, 'asks.undeclared'],
    ['sample', { ...ALL, sampling: false }, 'asks.undeclared'],
    ['roots', { elicitation: true }, 'asks.undeclared'],
    ['secret', ALL, 'asks.secret'],
    ['elsewhere', ALL, 'asks.host'],
  ])('is told why it may not ask: %s', async (what, asks, reason) => {
    // It asks whatever it was told that the client can do.
    const behind = await startSessionServer(ASKING, { asksAnyway: true })
    const at = await doorTo(behind, asks)
    const { client: caller, heard } = await client(at, 'legacy')
    const { content } = await caller.callTool(order(what))
    expect(JSON.stringify(content)).toContain('refused: The server behind may not')
    expect(heard).toEqual([])
    expect(asked(at).map(([said]) => said)).toEqual([reason])
  })

  it('is told only of what it may ask, and is answered a ping without the client', async () => {
    const behind = await startSessionServer(ASKING)
    const at = await doorTo(behind, { elicitation: true })
    const { client: caller, heard } = await client(at, 'legacy')
    const { params } = JSON.parse(behind.told[0]?.body ?? '{}')
    expect(params.capabilities).toEqual({ elicitation: { form: {} } })
    expect(JSON.stringify((await caller.callTool(order('ping'))).content)).toContain('{}')
    expect(heard).toEqual([])
  })
})

describe('an answer of the client', () => {
  /** A stream in which the client is asked, read by hand. */
  async function askedByHand(at: OpenDoor, behind: SessionServer) {
    const session = await hello(at)
    const headers = { ...at.bearer(), ...POST, 'mcp-session-id': session }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: order('form') })
    const answer = await fetch(at.urlOf(), { method: 'POST', headers, body })
    const reader = answer.body?.getReader()
    closers.push(() => reader?.cancel())
    let text = ''
    while (!text.includes('elicitation/create')) text += Buffer.from((await reader?.read())?.value ?? [])
    const ask = JSON.parse(/^data: (.*elicitation.*)$/m.exec(text)?.[1] ?? '{}') as { id: string }
    behind.told.length = 0
    return { session, id: ask.id }
  }
  const POST = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2025-11-25',
  }
  async function hello(at: OpenDoor): Promise<string> {
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: CAPABILITIES,
      clientInfo: { name: 't', version: '1' },
    }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params })
    const answer = await fetch(at.urlOf(), { method: 'POST', headers: { ...at.bearer(), ...POST }, body })
    await answer.text()
    return answer.headers.get('mcp-session-id') ?? ''
  }
  async function reply(at: OpenDoor, session: string, message: object, more = {}) {
    const headers = { ...at.bearer(), ...POST, 'mcp-session-id': session, ...more }
    const body = JSON.stringify({ jsonrpc: '2.0', ...message })
    const answer = await fetch(at.urlOf(), { method: 'POST', headers, body })
    return { status: answer.status, text: await answer.text() }
  }
  const result = { action: 'accept', content: { name: 'Ana' } }

  it('reaches the server that asked under its own id, with 202', async () => {
    const behind = await startSessionServer(ASKING)
    const at = await doorTo(behind, ALL)
    const { session, id } = await askedByHand(at, behind)
    expect(await reply(at, session, { id, result })).toEqual({ status: 202, text: '' })
    expect(behind.told.map(({ body }) => JSON.parse(body))).toEqual([{ jsonrpc: '2.0', id: 0, result }])
  })

  it('to nothing that was asked in this session goes nowhere', async () => {
    const behind = await startSessionServer(ASKING)
    const at = await doorTo(behind, ALL)
    const { session, id } = await askedByHand(at, behind)
    const other = await hello(at)
    behind.told.length = 0
    const tries: [string, object, object?][] = [
      [session, { id: 0, result }],
      [session, { id: 'made up', result }],
      [session, { id: `${id}x`, result }],
      [other, { id, result }],
      [session, { id, result }, { 'mcp-protocol-version': '2026-07-28' }],
    ]
    for (const [at_, message, more] of tries) {
      const refused = await reply(at, at_, message, more)
      expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('mcp.response')])
    }
    expect(behind.told).toEqual([])
    expect(at.recorded('decision').filter(([outcome]) => outcome === 'deny')).toHaveLength(tries.length)
  })
})

/** A server of 2026-07-28, whose tool asks for input before it answers. */
async function startAsking(
  asks: Readonly<Record<string, InputRequests>>,
): Promise<Behind & { states: unknown[] }> {
  const states: unknown[] = []
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: 'asking', version: '1' })
    const schema = z.object({ customer_id: z.string(), order_id: z.string() })
    server.registerTool('get_order', { inputSchema: schema }, async ({ order_id }, context) => {
      const { inputResponses } = context.mcpReq
      states.push(context.mcpReq.requestState())
      const inputRequests = asks[order_id]
      if (inputResponses === undefined && inputRequests)
        return inputRequired({ inputRequests, requestState: 'the state of ana' })
      return { content: [{ type: 'text', text: JSON.stringify(inputResponses ?? 'nothing asked') }] }
    })
    return server
  })
  const node = toNodeHandler(handler)
  const seen: Behind['seen'] = []
  const server = createServer((request, response) => {
    seen.push(request.headers)
    void node(request as never, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  const forget = () => void seen.splice(0)
  return { url, seen, states, close, forget, release: () => undefined, status: 0, open: 0 }
}

const MODERN: Readonly<Record<string, InputRequests>> = {
  form: { who: inputRequired.elicit(FORM) },
  all: {
    who: inputRequired.elicit(FORM),
    model: inputRequired.createMessage(SAMPLING as never),
    where: inputRequired.listRoots(),
  },
  mixed: { who: inputRequired.elicit(FORM), key: inputRequired.elicit(SECRET) },
  page: { page: inputRequired.elicitUrl(page('https://login.example/x')) },
  elsewhere: { page: inputRequired.elicitUrl(page('https://evil.example/x')) },
}
const META = (capabilities: object) => ({
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': capabilities,
})

describe('a server of 2026-07-28', () => {
  it.each(['form', 'all', 'page'])('asks by its answer what its resource declares: %s', async (what) => {
    const behind = await startAsking(MODERN)
    const at = await doorTo(behind, ALL)
    const { client: caller, heard } = await client(at, 'auto')
    const { content } = await caller.callTool(order(what))
    expect(JSON.stringify(content)).not.toContain('nothing asked')
    expect(heard).toHaveLength(Object.keys(MODERN[what] ?? {}).length)
    expect(behind.states).toEqual([undefined, 'the state of ana'])
    // The retry is judged like the first.
    expect(at.recorded('decision').filter(([, , tool]) => tool === 'get_order')).toHaveLength(2)
  })

  it.each([
    ['mixed', ALL, 'asks.secret'],
    ['elsewhere', ALL, 'asks.host'],
  ])('gets no answer to what it may not ask, and the caller is told why: %s', async (what, asks, reason) => {
    const at = await doorTo(await startAsking(MODERN), asks)
    const params = { ...order(what), _meta: META(CAPABILITIES) }
    const { status, json } = await at.post({ params, headers: at.bearer() })
    expect([status, json.error?.data.reason]).toEqual([200, reason])
    expect(asked(at).at(-1)).toEqual([reason, { method: 'elicitation/create' }])
  })

  it('is told only of what it may ask', async () => {
    const at = await doorTo(await startAsking(MODERN))
    const params = { ...order('form'), _meta: META(CAPABILITIES) }
    const { json } = await at.post({ params, headers: at.bearer() })
    // The server's own words for a client that can't be asked (2026-07-28).
    expect(json.error?.code).toBe(-32021)
  })

  it('is given its state back by the caller who got it for this tool, and by nobody else', async () => {
    const behind = await startAsking(MODERN)
    const at = await doorTo(behind, ALL)
    const params = { ...order('form'), _meta: META(CAPABILITIES) }
    const { json } = await at.post({ params, headers: at.bearer() })
    const requestState = (json.result as { requestState?: string } | undefined)?.requestState ?? ''
    expect(requestState).not.toContain('ana')
    const inputResponses = { who: { action: 'accept', content: { name: 'Ana' } } }
    const again = { ...params, inputResponses, requestState }
    const found = await at.post({ params: again, headers: at.bearer() })
    expect(found.json.result?.content?.[0]?.text).toContain('Ana')
    behind.states.length = 0
    const bound = at.bearer({ over: { cnf: undefined, chn: ['a/first', 'operator/support'] } })
    const tries = [
      { params: { ...again, requestState: 'the state of ana' }, headers: at.bearer() },
      { params: { ...again, requestState: `${requestState}A` }, headers: at.bearer() },
      { params: { ...again, requestState: 7 }, headers: at.bearer() },
      { params: { ...again, name: 'cancel_order' }, headers: at.bearer() },
      { params: again, headers: bound },
    ]
    for (const each of tries) {
      const refused = await at.post(each)
      expect([refused.status, refused.json.error?.data.reason]).toEqual([400, 'mcp.state'])
    }
    expect(behind.states).toEqual([])
  })
})
