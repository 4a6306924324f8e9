/** The server behind of `mcp.*`: answers each `tools/call` with JSON, as fast as Node can, and `tools/list`. Counts nothing, checks nothing. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { announce, endWithParent } from '../examples/parts/announce.ts'

type Call = {
  readonly id: number
  readonly method: string
  readonly params: { readonly arguments: { readonly order_id: string } }
}

/** A gateway asks once what there is, before it forwards the first call. */
const TOOLS = [{ name: 'get_order', inputSchema: { type: 'object' } }]

function answer(response: ServerResponse, message: object): void {
  const body = JSON.stringify(message)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString()) as Call
    if (method === 'tools/list') return answer(response, { jsonrpc: '2.0', id, result: { tools: TOOLS } })
    const content = [{ type: 'text', text: `order ${params.arguments.order_id}: 3 × tea, sent` }]
    answer(response, { jsonrpc: '2.0', id, result: { content } })
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () =>
  announce({ origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
)
endWithParent()
