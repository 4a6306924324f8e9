/** Baseline of `mcp.*`: the barest proxy that Node makes, `node:http` in front and an undici pool behind; nothing is read or judged. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'
import { announce, endWithParent } from '../../examples/parts/announce.ts'

const pool = new Pool(process.argv[2] ?? '', { connections: 64 })
const server = createServer((request, response) => {
  const { url: path = '/', headers } = request
  const passed = { 'content-type': headers['content-type'], 'content-length': headers['content-length'] }
  pool.dispatch(
    { path, method: 'POST', headers: passed, body: request },
    {
      onRequestStart: () => {},
      onResponseStart: (_, status, answered) => void response.writeHead(status, answered),
      onResponseData: (_, chunk) => void response.write(chunk),
      onResponseEnd: () => void response.end(),
      onResponseError: () => void response.writeHead(502).end(),
    },
  )
})
server.listen(0, '127.0.0.1', () => {
  announce({ origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
})
endWithParent()
