import { randomUUID } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Order = { readonly customer_id: string; readonly order_id: string }
type Message = {
  readonly id?: number
  readonly method: string
  readonly params?: { readonly arguments?: Order }
}

/** Repeats what it is told, now as JSON, now as a stream; and sees whether what it is told in one session is of more than one customer. */
export type EchoServer = {
  readonly url: string
  /** Sessions in which somebody else's message came. */
  readonly mixed: () => number
  readonly sessions: () => number
  readonly close: () => void
}

export async function startEchoServer(): Promise<EchoServer> {
  const customers = new Map<string, string | undefined>()
  let mixed = 0
  let turn = 0
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Message
    if (id === undefined) return void response.writeHead(202).end()
    const named = request.headers['mcp-session-id']
    if (method === 'initialize') {
      const session = randomUUID()
      customers.set(session, undefined)
      const result = {
        protocolVersion: '2025-11-25',
        capabilities: { tools: {} },
        serverInfo: { name: 'echo' },
      }
      return answer(response, { jsonrpc: '2.0', id, result }, false, { 'mcp-session-id': session })
    }
    const { customer_id = '', order_id = '' } = params?.arguments ?? {}
    if (typeof named === 'string') {
      const known = customers.get(named)
      if (!customers.has(named) || (known !== undefined && known !== customer_id)) mixed += 1
      customers.set(named, customer_id)
    }
    turn += 1
    const content = [{ type: 'text', text: `${customer_id} ${order_id}` }]
    answer(response, { jsonrpc: '2.0', id, result: { content } }, turn % 3 === 0)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, mixed: () => mixed, sessions: () => customers.size, close }
}

function answer(response: ServerResponse, message: object, stream: boolean, headers: object = {}): void {
  const text = JSON.stringify(message)
  if (!stream) {
    const length = Buffer.byteLength(text)
    const own = { 'content-type': 'application/json', 'content-length': length, ...headers }
    return void response.writeHead(200, own).end(text)
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', ...headers })
  response.end(`id: 1\ndata: \n\nid: 2\nevent: message\ndata: ${text}\n\n`)
}
