/** The server behind of `mcp.*`: answers each `tools/call` with JSON, as fast as Node can. Counts nothing, checks nothing. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { announce, endWithParent } from '../examples/parts/announce.ts'

type Call = { readonly id: number; readonly params: { readonly arguments: { readonly order_id: string } } }

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const { id, params } = JSON.parse(Buffer.concat(chunks).toString()) as Call
    const content = [{ type: 'text', text: `order ${params.arguments.order_id}: 3 × tea, sent` }]
    const body = JSON.stringify({ jsonrpc: '2.0', id, result: { content } })
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    response.end(body)
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () =>
  announce({ origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
)
endWithParent()
