/**
 * The company's orders server: MCP over Streamable HTTP (both revisions) over PostgreSQL, as a company would write one. It holds no
 * secret: it believes access tokens of the issuers it lists, and the database decides by row security whose orders are seen.
 *
 *   node examples/customer/orders-server.ts <settings.json>
 *
 * settings.json: { database: <pg settings>, issuers: [<issuer>, …], port?: <number> }. `/mcp` are the orders, `/catalogue` is for everybody.
 */
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, type McpServerFactory } from '@modelcontextprotocol/server'
import { Pool, type PoolConfig } from 'pg'
import { announce, endWithParent } from '../parts/announce.ts'
import { type Reader, tokenReader } from './orders-token.ts'
import { catalogueTools, ordersTools } from './orders-tools.ts'

export type OrdersSettings = {
  readonly database: PoolConfig
  readonly issuers: readonly string[]
  /** 0, or nothing, picks a free one. */
  readonly port?: number
}

type Served = (request: IncomingMessage & { auth: object }, response: ServerResponse) => Promise<void>

/** `url` is the server's own identifier: what tokens for it must name as `aud`. */
export type OrdersServer = { readonly url: string; readonly close: () => Promise<void> }

function refuse(response: ServerResponse, status: number, says: string): void {
  const challenge = status === 401 ? { 'www-authenticate': 'Bearer error="invalid_token"' } : {}
  response.writeHead(status, { 'content-type': 'text/plain', ...challenge }).end(says)
}

function mcp(build: (reader: Reader) => ReturnType<McpServerFactory>) {
  const handler = createMcpHandler((context) => build(context.authInfo?.extra?.['reader'] as Reader))
  // The adapter's own idea of a request differs from Node's in optional members only.
  return { served: toNodeHandler(handler) as unknown as Served, close: () => handler.close() }
}

export async function startOrdersServer(settings: OrdersSettings): Promise<OrdersServer> {
  const pool = new Pool({ max: 4, ...settings.database, application_name: 'orders server' })
  pool.on('error', () => undefined)
  let url = ''
  const readerOf = tokenReader(settings.issuers, () => url)
  const paths = new Map([
    ['/mcp', mcp((reader) => ordersTools(pool, reader))],
    ['/catalogue', mcp(() => catalogueTools(pool))],
  ])
  const server = createServer(async (request, response) => {
    const found = paths.get(request.url ?? '')
    if (!found) return refuse(response, 404, 'There is nothing here.')
    const reader = await readerOf(request.headers.authorization)
    if (!reader) return refuse(response, 401, 'An access token for this server is required.')
    const auth = { token: '', clientId: '', scopes: [], extra: { reader } }
    await found.served(Object.assign(request, { auth }), response)
  })
  await new Promise<void>((resolve) => server.listen(settings.port ?? 0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    close: async () => {
      for (const { close } of paths.values()) await close()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await pool.end()
    },
  }
}

const [file] = process.argv.slice(2)
if (import.meta.main && file) {
  const { url } = await startOrdersServer(JSON.parse(await readFile(file, 'utf8')) as OrdersSettings)
  announce({ url })
  endWithParent()
}
