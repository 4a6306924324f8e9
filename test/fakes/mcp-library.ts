import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { toNodeHandler } from '@modelcontextprotocol/node'
import {
  completable,
  createMcpHandler,
  type McpHttpHandler,
  McpServer,
  type McpServerOptions,
  ResourceTemplate,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { ISSUER, type World } from '../properties/decide-world.ts'

/** What every customer has, of which each may see their own. */
const ORDERS = { 'c-42': ['o-1', 'o-2'], 'c-77': ['o-3'] } as const
const customers = () => Object.keys(ORDERS)
const startingWith = (all: readonly string[]) => (typed: string | undefined) =>
  all.filter((each) => each.startsWith(typed ?? ''))

/** A real server with prompts, contents of several kinds, and more than is declared; also a tool whose name would mean a prompt. */
export function library(options: McpServerOptions = {}): McpServer {
  const cacheHints = { 'resources/read': { ttlMs: 60_000, cacheScope: 'public' } } as const
  const server = new McpServer(
    { name: 'library', version: '1' },
    { cacheHints, capabilities: { logging: {}, tools: {}, resources: { subscribe: true } }, ...options },
  )
  const said = (text: string) => ({
    messages: [{ role: 'user' as const, content: { type: 'text' as const, text } }],
  })
  const customer = completable(z.string(), startingWith(customers()))
  server.registerPrompt('summarise', { argsSchema: z.object({ customer_id: customer }) }, ({ customer_id }) =>
    said(`Summarise ${customer_id}.`),
  )
  server.registerPrompt('audit', {}, () => said('Audit everybody.'))
  server.registerPrompt('undeclared', {}, () => said('Nobody knows.'))
  const text = (uri: URL, words: string) => ({ contents: [{ uri: uri.href, text: words }] })
  const orders = new ResourceTemplate('orders://{id}/{order}', {
    list: () => ({
      resources: Object.entries(ORDERS).flatMap(([id, all]) =>
        all.map((order) => ({ uri: `orders://${id}/${order}`, name: order })),
      ),
    }),
    complete: { id: startingWith(customers()), order: startingWith(Object.values(ORDERS).flat()) },
  })
  server.registerResource('order', orders, {}, (uri, { id, order }) => text(uri, `${order} of ${id}`))
  const files = new ResourceTemplate('files:///{+path}', { list: undefined })
  server.registerResource('files', files, {}, (uri) => text(uri, 'a file'))
  for (const name of ['terms', 'ledger', 'undeclared'])
    server.registerResource(name, `shop://${name}`, {}, (uri) => text(uri, `the ${name}`))
  const tools = ['get_order', 'prompt:summarise'].map((name) => ({
    name,
    inputSchema: { type: 'object' as const },
  }))
  server.server.setRequestHandler('tools/list', () => ({ tools }))
  server.server.setRequestHandler('tools/call', ({ params: { name } }) => ({
    content: [{ type: 'text', text: `called ${name}` }],
  }))
  server.server.setRequestHandler('resources/subscribe', () => ({}))
  server.server.setRequestHandler('resources/unsubscribe', () => ({}))
  return server
}

/** It over HTTP, in both eras, with every message that it was sent. */
export type Library = {
  readonly url: string
  readonly asked: { readonly method: string; readonly params?: Readonly<Record<string, unknown>> }[]
  readonly notify: McpHttpHandler['notify']
  readonly release: () => void
  readonly forget: () => void
  readonly close: () => void
}

export async function startLibrary(made: () => McpServer = library): Promise<Library> {
  const handler = createMcpHandler(made)
  const handle = toNodeHandler(handler)
  const asked: Library['asked'] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Library['asked'][number]
    asked.push(body)
    await handle(request as never, response, body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    notify: handler.notify,
    release: () => undefined,
    forget: () => void asked.splice(0),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Ana is customer c-42; the agent may do all, she what is her own; the ledger and the prompt `audit` are for nobody. */
export function libraryWorld(url: string): World {
  const text = { type: 'string' }
  const users = [
    { user: 'ana@a.example', idp: 'company', sub: 'ana', attributes: { customer_id: 'c-42' } },
    { user: 'ada@a.example', idp: 'company', sub: 'ada', attributes: { customer_id: 'c-77' } },
  ]
  return {
    operator: {
      agent: [{ agent: 'support', kind: 'customer', owner: 'lee@operator.example', is: { trust: 'prod' } }],
    },
    a: {
      tenant: [{ user_attributes: { customer_id: 'String' } }],
      idp: [{ idp: 'company', issuer: ISSUER }],
      user: users,
      admission: [{ admission: 'operator/support' }],
      resource: [
        {
          resource: 'orders',
          type: 'mcp',
          at: `${url}/mcp`,
          data: 'argument',
          credential: { provider: 'orders-token' },
          tools: {
            get_order: { hint: 'read' },
            export_orders: {
              hint: 'read',
              input: {
                type: 'object',
                properties: { customer_id: text, filter: text },
                required: ['customer_id'],
              },
            },
          },
          prompts: {
            summarise: {
              input: { type: 'object', properties: { customer_id: text }, required: ['customer_id'] },
            },
            audit: {},
          },
          contents: {
            order: { uri: 'orders://{customer_id}/{order_id}' },
            terms: { uri: 'shop://terms' },
            ledger: { uri: 'shop://ledger' },
            files: { uri: 'files:///public/{+path}' },
          },
        },
      ],
      delegation: [{ delegation: 'desk', agent: 'operator/support', user: '*', tools: ['orders/*'] }],
      cedar: `
        @id("agent") permit (principal == Agent::"operator/support", action in Action::"orders/*any", resource);
        @id("open") permit (principal is User, action, resource == Resource::"orders")
        when {
          action in [Action::"orders/content:terms", Action::"orders/content:files", Action::"orders/get_order"]
        };
        @id("own-orders")
        permit (principal is User, action == Action::"orders/content:order", resource == Resource::"orders")
        when { context.input.customer_id == principal.customer_id };
        @id("own-export")
        permit (principal is User, action == Action::"orders/export_orders", resource == Resource::"orders")
        when { context.input.customer_id == principal.customer_id };
        @id("own-summary")
        permit (principal is User, action == Action::"orders/prompt:summarise", resource == Resource::"orders")
        when { context.input.customer_id == principal.customer_id };
      `,
    },
  }
}
