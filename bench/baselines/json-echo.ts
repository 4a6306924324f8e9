/** Baseline of `authzen.*`: the barest answer to JSON that Node makes, `node:http` and `JSON.parse`; nothing is judged or recorded. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { announce, endWithParent } from '../../examples/parts/announce.ts'

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const asked: unknown = JSON.parse(Buffer.concat(chunks).toString())
    const answer = JSON.stringify(asked)
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(answer),
    })
    response.end(answer)
  })
})
server.listen(0, '127.0.0.1', () => {
  announce({ origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
})
endWithParent()
