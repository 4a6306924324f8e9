import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { hasDefinition } from '../../src/core/policy/definition.ts'
import type { HttpServer } from '../../src/lib/http/server.ts'
import { type McpDoor, type McpOptions, openMcpDoor } from '../../src/protocols/mcp/routes.ts'
import { ana, STORIES, type World } from '../properties/decide-world.ts'
import { type FakePoint, fakeEnforcementPoint, serveAt, type TokenAsk } from './enforcement-point.ts'

export const ANA = ana('a')
export const REVISION = '2026-07-28'

/** The server behind: what it was sent, and a tool that takes as long as the test wants. */
export type Behind = {
  readonly url: string
  readonly seen: IncomingMessage['headers'][]
  release: () => void
  /** As if nothing had been sent yet. */
  readonly forget: () => void
  readonly close: () => void
  status: number
  open: number
  /** How it describes `get_order`; undefined when it has no such tool. */
  words?: string | undefined
}

export async function startBehind(): Promise<Behind> {
  let waiting = Promise.withResolvers<void>()
  const handler = createMcpHandler(() => {
    const server = new McpServer(
      { name: 'behind', version: '1' },
      {
        instructions: 'Use cancel_order to cancel.',
        cacheHints: { 'tools/list': { ttlMs: 60_000, cacheScope: 'public' } },
      },
    )
    const order = z.object({ customer_id: z.string(), order_id: z.string().optional() })
    const text = (words: string) => ({ content: [{ type: 'text' as const, text: words }] })
    const { words: description } = behind
    if (description !== undefined) {
      server.registerTool(
        'get_order',
        { inputSchema: order, description },
        async ({ customer_id, order_id }) => {
          if (order_id === 'slow') await waiting.promise
          return text(`order of ${customer_id}`)
        },
      )
    }
    server.registerTool('cancel_order', { inputSchema: order }, async () => text('cancelled'))
    server.registerTool('undeclared', { inputSchema: order }, async () => text('never'))
    server.registerPrompt('greet', {}, () => ({ messages: [] }))
    return server
  })
  const seen: IncomingMessage['headers'][] = []
  const node = toNodeHandler(handler)
  const server = createServer((request, response) => {
    seen.push(request.headers)
    behind.open += 1
    response.once('close', () => {
      behind.open -= 1
    })
    if (behind.status !== 0) {
      const headers = { 'content-type': 'application/json', 'www-authenticate': 'Bearer realm="behind"' }
      return void response.writeHead(behind.status, headers).end('{"jsonrpc":"2.0","id":7,"result":{}}')
    }
    void node(request as never, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const behind: Behind = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
    status: 0,
    open: 0,
    forget: () => void seen.splice(0),
    words: 'Reads an order.',
    release: () => {
      waiting.resolve()
      waiting = Promise.withResolvers<void>()
    },
  }
  return behind
}

/** The two tenants of the stories, with their resources behind at the test's server and a credential to get. */
function worldAt(url: string): World {
  const credential = { provider: 'orders-token' }
  return Object.fromEntries(
    Object.entries(STORIES).map(([tenant, docs]) => [
      tenant,
      {
        ...docs,
        resource: (docs.resource ?? []).map((each) =>
          'tools' in each && 'type' in each && each.type === 'mcp'
            ? { ...each, at: `${url}/mcp`, credential }
            : each,
        ),
      },
    ]),
  )
}

export type Sent = {
  readonly method?: string
  readonly params?: Record<string, unknown>
  readonly headers?: Record<string, string>
  readonly body?: unknown
  readonly url?: string
  /** Changes the body's text before it is sent. */
  readonly raw?: (body: string) => string
}
/** A JSON-RPC answer, as far as tests look into it. */
export type Answered = {
  readonly result?: {
    readonly content?: readonly { readonly text: string }[]
    readonly _meta?: Readonly<Record<string, unknown>>
    readonly cacheScope?: string
    readonly ttlMs?: number
  }
  readonly error?: {
    readonly code: number
    readonly message: string
    readonly data: { readonly reason: string; readonly decision?: string }
  }
}
export type Posted = {
  readonly status: number
  readonly challenge: string
  readonly json: Answered
  readonly text: string
}

/** A door over HTTP with a behaving enforcement point, and a caller that can send anything. */
export type OpenDoor = {
  readonly origin: string
  readonly point: FakePoint
  readonly door: McpDoor
  readonly urlOf: (tenant?: string, resource?: string) => string
  readonly bearer: (ask?: Partial<TokenAsk>) => { readonly authorization: string }
  readonly post: (sent: Sent) => Promise<Posted>
  readonly call: (
    input: Record<string, unknown>,
    headers: object,
    tool?: string,
    url?: string,
  ) => Promise<Posted>
  /** What was recorded of one kind: outcome, reason, tool. */
  readonly recorded: (kind: string) => readonly (readonly [string, string, string | undefined])[]
  readonly close: () => Promise<void>
}

/** `unseen`: nobody has looked at the server behind yet. */
export async function openDoor(
  behind: Pick<Behind, 'url' | 'release' | 'forget'>,
  options: McpOptions = {},
  world: World = worldAt(behind.url),
  unseen?: 'unseen',
): Promise<OpenDoor> {
  const made: { point?: FakePoint; door?: McpDoor } = {}
  const server: HttpServer & { readonly origin: string } = await serveAt(async (origin) => {
    const places = { origin, authorityOrigin: 'https://authority.example', upstream: behind.url }
    made.point = await fakeEnforcementPoint(world, places)
    if (!unseen) await acceptListed(made.point, behind.url)
    behind.forget()
    made.door = openMcpDoor(made.point, { keepAlive: 50, ...options })
    return made.door.routes
  })
  const { point, door } = made
  if (!point || !door) throw new Error('the door was not made')
  const urlOf = (tenant = 'a', resource = 'orders') => `${server.origin}/t/${tenant}/mcp/${resource}`
  const post = (sent: Sent) => postTo({ url: urlOf(), ...sent })
  return {
    origin: server.origin,
    point,
    door,
    urlOf,
    bearer: (ask = {}) => ({ authorization: `Bearer ${point.token({ tenant: 'a', user: ANA, ...ask })}` }),
    post,
    call: (input, headers, tool = 'get_order', url = urlOf()) =>
      post({ params: { name: tool, arguments: input }, headers: { ...headers }, url }),
    recorded: (kind) =>
      point.events
        .filter((event) => event.kind === kind)
        .map(({ outcome, reason, tool }) => [outcome, reason, tool] as const),
    close: async () => {
      behind.release()
      await door.close()
      await server.close()
    },
  }
}

/** As if somebody had listed the server's tools before; where it doesn't answer that, as if it had said something of each. */
async function acceptListed(point: FakePoint, url: string): Promise<void> {
  const { json } = await postTo({ method: 'tools/list', url: `${url}/mcp` })
  const { tools = [] } = (json.result ?? {}) as { readonly tools?: readonly { readonly name: string }[] }
  for (const [tenant, { resources }] of point.snapshot().tenants) {
    for (const [resource, known] of resources) {
      const names = known.resource.type === 'mcp' ? [...known.tools.keys()].filter(hasDefinition) : []
      const seen = names.map((tool) => {
        return { tool, definition: tools.find(({ name }) => name === tool) ?? { name: tool } }
      })
      if (seen.length > 0) await point.definitions({ tenant, resource, seen })
    }
  }
  point.events.length = 0
}

async function postTo({
  method = 'tools/call',
  params = {},
  headers = {},
  body,
  url = '',
  raw = (each) => each,
}: Sent): Promise<Posted> {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': REVISION,
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const named = params['name'] ?? params['uri']
  const name = typeof named === 'string' ? { 'mcp-name': named } : {}
  const own = {
    'content-type': 'application/json',
    'mcp-protocol-version': REVISION,
    'mcp-method': method,
    ...name,
  }
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...own, ...headers },
    body: raw(JSON.stringify(body ?? { jsonrpc: '2.0', id: 7, method, params: { _meta: meta, ...params } })),
  })
  const text = await response.text()
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate') ?? '',
    json: text.startsWith('{') ? (JSON.parse(text) as Answered) : {},
    text,
  }
}
