import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import {
  classifyInboundRequest,
  createMcpHandler,
  type EventStore,
  McpServer,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { registerAskingTools } from './asking-tools.ts'
import { registerInputTools, STATES } from './input-tools.ts'
import { type CutStream, registerPlainTools, said } from './plain-tools.ts'
import { registerReadables } from './readables.ts'

const CAPABILITIES = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  prompts: { listChanged: true },
  logging: {},
  completions: {},
}

type Changed = { readonly toolsChanged: () => void; readonly promptsChanged: () => void }

function everything(cut: CutStream, changed: () => Changed): McpServer {
  const server = new McpServer(
    { name: 'everything', version: '1.0.0' },
    { capabilities: CAPABILITIES, requestState: { verify: STATES.verify } },
  )
  registerPlainTools(server, cut)
  registerAskingTools(server)
  registerInputTools(server)
  registerReadables(server)
  const inputSchema = z.object({})
  server.registerTool('test_trigger_tool_change', { description: 'changes tools', inputSchema }, async () => {
    changed().toolsChanged()
    return said('told')
  })
  server.registerTool(
    'test_trigger_prompt_change',
    { description: 'changes prompts', inputSchema },
    async () => {
      changed().promptsChanged()
      return said('told')
    },
  )
  return server
}

/**
 * A server with all that the conformance suite looks for, made with the SDK of the protocol's own project: sessions for the older revisions,
 * none for 2026-07-28, on one endpoint, without authentication. What it is called and what it answers the suite demands.
 */
export async function startEverything(): Promise<{ readonly url: string; readonly close: () => void }> {
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>()
  const cut: CutStream = (session = '', request) => sessions.get(session)?.closeSSEStream(request)
  const modern = createMcpHandler(() => everything(cut, () => modern.notify))
  const serveModern = toNodeHandler(modern) as unknown as Serve
  const begin = async () => {
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: eventsInMemory(),
      retryInterval: 5000,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    })
    await everything(cut, () => modern.notify).connect(transport)
    return transport
  }
  const server = createServer(async (request, response) => {
    if (!/^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(request.headers.host ?? ''))
      return refuse(response, 403)
    const body = await bodyOf(request)
    const id = request.headers['mcp-session-id']
    const kind = kindOf(request, body)
    if (request.method === 'POST' && kind !== 'legacy') return void serveModern(request, response, body)
    const begins = id === undefined && (body as { method?: string } | undefined)?.method === 'initialize'
    const transport = begins ? await begin() : sessions.get(one(id) ?? '')
    if (!transport) return refuse(response, id === undefined ? 400 : 404)
    await transport.handleRequest(request as never, response, body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, close }
}

function kindOf({ method = '', headers }: IncomingMessage, body: unknown): string {
  const revision = one(headers['mcp-protocol-version'])
  const stated = one(headers['mcp-method'])
  return classifyInboundRequest({
    httpMethod: method,
    ...(revision !== undefined && { protocolVersionHeader: revision }),
    ...(stated !== undefined && { mcpMethodHeader: stated }),
    body,
  }).kind
}

type Serve = (request: IncomingMessage, response: ServerResponse, body: unknown) => Promise<void>

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8')
  return text === '' ? undefined : JSON.parse(text)
}

function refuse(response: ServerResponse, status: number): void {
  const error = { code: -32_001, message: status === 404 ? 'Session not found' : 'Bad request' }
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error }))
}

function eventsInMemory(): EventStore {
  const events: { readonly id: string; readonly stream: string; readonly message: object }[] = []
  return {
    storeEvent: async (stream, message) => {
      const id = `${stream}::${events.length}`
      events.push({ id, stream, message })
      return id
    },
    replayEventsAfter: async (last, { send }) => {
      const at = events.findIndex(({ id }) => id === last)
      const stream = events[at]?.stream ?? ''
      for (const { id, stream: of, message } of events.slice(at + 1)) {
        if (of === stream && Object.keys(message).length > 0) await send(id, message as never)
      }
      return stream
    },
  }
}
