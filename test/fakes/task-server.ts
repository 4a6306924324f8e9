import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Json = Readonly<Record<string, unknown>>
type Message = { readonly id?: number; readonly method: string; readonly params: Json }
type Kept = { status: string; readonly name: string; readonly inputs: Json[] }

/**
 * A server behind that begins a task for every call, as 2025-11-25 and the extension `io.modelcontextprotocol/tasks` have it, and forgets
 * nothing. Who asks is all the same to it: it trusts whoever comes, so what it is asked is what the gateway let through.
 */
export type TaskServer = {
  readonly url: string
  readonly asked: Message[]
  readonly tasks: ReadonlyMap<string, Kept>
  /** Ends every task, and tells who listens. */
  readonly finish: () => void
  readonly release: () => void
  readonly forget: () => void
  readonly close: () => void
}

export async function startTaskServer(): Promise<TaskServer> {
  const tasks = new Map<string, Kept>()
  const asked: Message[] = []
  const listeners: {
    readonly response: ServerResponse
    readonly id: unknown
    readonly taskIds: readonly string[]
  }[] = []
  const server = createServer(async (request, response) => {
    const message = JSON.parse(await textOf(request)) as Message
    asked.push(message)
    const { id, method, params } = message
    const modern = request.headers['mcp-protocol-version'] === '2026-07-28'
    const headers = { 'content-type': 'application/json' }
    if (modern && params['taskId'] !== undefined && request.headers['mcp-name'] !== params['taskId'])
      return void response.writeHead(400, headers).end(failed(id, -32020, 'Mcp-Name is another'))
    if (method === 'subscriptions/listen') {
      const { taskIds = [] } = params['notifications'] as { taskIds?: string[] }
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const said = { notifications: { taskIds }, _meta: subscribed(id) }
      response.write(event({ method: 'notifications/subscriptions/acknowledged', params: said }))
      return void listeners.push({ response, id, taskIds })
    }
    response.writeHead(200, headers).end(answer(tasks, message, modern))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    tasks,
    finish: () => {
      for (const [taskId, task] of tasks) {
        task.status = 'completed'
        for (const { response, id } of listeners) {
          const params = { ...shown(taskId, task, true), result: resultOf(task), _meta: subscribed(id) }
          response.write(event({ method: 'notifications/tasks', params }))
        }
      }
    },
    release: () => undefined,
    forget: () => void asked.splice(0),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function answer(tasks: Map<string, Kept>, { id, method, params }: Message, modern: boolean): string {
  if (method === 'initialize' || method === 'server/discover')
    return done(id, {
      protocolVersion: '2025-11-25',
      supportedVersions: ['2026-07-28'],
      capabilities: CAPABILITIES,
    })
  if (method === 'tools/list') return done(id, { tools: TOOLS })
  if (method === 'tools/call') {
    const taskId = `behind ${randomUUID()}`
    const task = { status: 'working', name: String(params['name']), inputs: [] }
    tasks.set(taskId, task)
    const begun = shown(taskId, task, modern)
    return done(id, modern ? { resultType: 'task', ...begun } : { task: begun })
  }
  const taskId = String(params['taskId'])
  const task = tasks.get(taskId)
  if (!task) return failed(id, -32602, `no task ${taskId}`)
  const complete = modern ? { resultType: 'complete' } : {}
  if (method === 'tasks/result')
    return done(id, { ...resultOf(task), _meta: { 'io.modelcontextprotocol/related-task': { taskId } } })
  if (method === 'tasks/cancel') task.status = 'cancelled'
  if (method === 'tasks/update') task.inputs.push(params['inputResponses'] as Json)
  if (method === 'tasks/get' || !modern) return done(id, { ...complete, ...shown(taskId, task, modern) })
  return done(id, complete)
}

const TOOLS = ['get_order', 'export_orders'].map((name) => ({ name, inputSchema: { type: 'object' } }))

const CAPABILITIES = {
  tools: {},
  prompts: {},
  tasks: { list: {}, cancel: {}, requests: { tools: { call: {} }, prompts: { get: {} } } },
  extensions: { 'io.modelcontextprotocol/tasks': {}, 'com.example/other': {} },
}

function shown(taskId: string, { status }: Kept, modern: boolean): Json {
  const times = { createdAt: '2026-11-25T10:30:00Z', lastUpdatedAt: '2026-11-25T10:30:00Z' }
  return { taskId, status, ...times, ...(modern ? { ttlMs: null } : { ttl: 999_999_999 }) }
}

function resultOf({ name }: Kept): Json {
  return { content: [{ type: 'text', text: `${name} is done` }] }
}

function subscribed(id: unknown): Json {
  return { 'io.modelcontextprotocol/subscriptionId': id }
}

function done(id: unknown, result: Json): string {
  return JSON.stringify({ jsonrpc: '2.0', id, result })
}

function failed(id: unknown, code: number, message: string): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } })
}

function event(message: Json): string {
  return `event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
