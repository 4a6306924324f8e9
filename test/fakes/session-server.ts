import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import { type EventStore, McpServer, type ServerContext } from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Behind } from './mcp-door.ts'

type Kept = { readonly transport: NodeStreamableHTTPServerTransport; readonly server: McpServer }

/** A server behind that keeps sessions, and events to go on from, as those of revisions before 2026-07-28 do. */
export type SessionServer = Behind & {
  /** Sessions by the id that it gave them. */
  readonly sessions: ReadonlyMap<string, Kept>
  /** Every message that it was sent, with the session it came in. */
  readonly told: { readonly session: string | undefined; readonly body: string }[]
  /** Says something by itself in every session. */
  readonly announce: () => Promise<void>
}

/** What its tool does for each `order_id`; the tests' own story of orders has no more. */
export type Orders = Readonly<Record<string, (context: ServerContext) => Promise<string>>>

export async function startSessionServer(
  orders: Orders = {},
  options: { readonly asksAnyway?: boolean } = {},
): Promise<SessionServer> {
  const sessions = new Map<string, Kept>()
  const seen: IncomingMessage['headers'][] = []
  const told: SessionServer['told'][number][] = []
  const waiting = { now: Promise.withResolvers<void>() }
  const known: Orders = {
    ...orders,
    slow: async () => {
      await waiting.now.promise
      return 'slow'
    },
  }
  const server = createServer(async (request, response) => {
    seen.push(request.headers)
    const body = await textOf(request)
    const id = request.headers['mcp-session-id']
    const session = typeof id === 'string' ? id : undefined
    if (request.method === 'POST') told.push({ session, body })
    behind.open += 1
    response.once('close', () => {
      behind.open -= 1
    })
    if (behind.status !== 0) return void response.writeHead(behind.status).end()
    const found =
      session === undefined
        ? await begin(sessions, known, options.asksAnyway !== true)
        : sessions.get(session)
    if (!found) return void response.writeHead(404, { 'content-type': 'application/json' }).end(GONE)
    await found.transport.handleRequest(
      request as never,
      response,
      body === '' ? undefined : JSON.parse(body),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const behind: SessionServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    told,
    sessions,
    status: 0,
    open: 0,
    forget: () => {
      seen.splice(0)
      told.splice(0)
    },
    release: () => {
      waiting.now.resolve()
      waiting.now = Promise.withResolvers<void>()
    },
    announce: async () => {
      for (const kept of sessions.values()) kept.server.sendToolListChanged()
      await Promise.resolve()
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
  return behind
}

const GONE = '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}'

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

async function begin(sessions: Map<string, Kept>, orders: Orders, strict: boolean): Promise<Kept> {
  const options = { capabilities: { logging: {} }, enforceStrictCapabilities: strict }
  const server = new McpServer({ name: 'keeper', version: '1' }, options)
  const order = z.object({ customer_id: z.string(), order_id: z.string().optional() })
  server.registerTool(
    'get_order',
    { inputSchema: order },
    async ({ customer_id, order_id = '' }, context) => {
      const special = await orders[order_id]?.(context)
      return { content: [{ type: 'text', text: special ?? `order of ${customer_id}, ${order_id}` }] }
    },
  )
  server.registerTool('cancel_order', { inputSchema: order }, async () => ({ content: [] }))
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    eventStore: eventsInMemory(),
    retryInterval: 20,
    onsessioninitialized: (id) => void sessions.set(id, kept),
    onsessionclosed: (id) => void sessions.delete(id),
  })
  const kept = { transport, server }
  await server.connect(transport)
  return kept
}

function eventsInMemory(): EventStore {
  const events: { readonly id: string; readonly stream: string; readonly message: unknown }[] = []
  return {
    storeEvent: async (stream, message) => {
      const id = `${events.length}@${stream}`
      events.push({ id, stream, message })
      return id
    },
    replayEventsAfter: async (last, { send }) => {
      const at = events.findIndex(({ id }) => id === last)
      const { stream } = events[at] ?? { stream: '' }
      for (const event of events.slice(at + 1)) {
        const empty = Object.keys(event.message as object).length === 0
        if (event.stream === stream && !empty) await send(event.id, event.message as never)
      }
      return stream
    },
  }
}
