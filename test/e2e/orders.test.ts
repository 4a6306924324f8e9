import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type OrdersServer, startOrdersServer } from '../../examples/customer/orders-server.ts'
import type { AgentId, UserId } from '../../src/core/ids.ts'
import type { HttpServer } from '../../src/lib/http/server.ts'
import { type McpDoor, openMcpDoor } from '../../src/protocols/mcp/routes.ts'
import { startTestPostgres, type TestPostgres } from '../../src/stores/postgres/testing.ts'
import {
  type FakePoint,
  fakeEnforcementPoint,
  fakeIssuers,
  keysFor,
  serveAt,
} from '../fakes/enforcement-point.ts'
import { ana, ISSUER, type World } from '../properties/decide-world.ts'
import { ROOT } from '../source-files.ts'

const SUPPORT = 'operator/support' as AgentId
const text = { type: 'string' }

function customers(url: string, user: readonly object[]): World[string] {
  const credential = { provider: 'orders-token' }
  const input = (...names: string[]) => ({
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, text])),
    required: names,
  })
  const read = { hint: 'read' }
  return {
    tenant: [{ user_attributes: { customer_id: 'String' } }],
    idp: [{ idp: 'company', issuer: ISSUER }],
    user,
    admission: [{ admission: SUPPORT }],
    resource: [
      {
        resource: 'orders',
        type: 'mcp',
        at: `${url}/mcp`,
        data: 'argument',
        credential,
        tools: {
          get_order: { ...read, input: input('customer_id', 'order_id') },
          list_orders: { ...read, input: input('customer_id') },
          find_order: { ...read, input: input('order_id') },
          cancel_order: { hint: 'write', input: input('customer_id', 'order_id') },
        },
      },
      {
        resource: 'catalogue',
        type: 'mcp',
        at: `${url}/catalogue`,
        alone: true,
        credential,
        tools: { list_products: { ...read, input: { type: 'object' } } },
      },
    ],
    delegation: [{ delegation: 'desk', agent: SUPPORT, user: '*', tools: ['orders/*', 'catalogue/*'] }],
    cedar: `
      @id("agents") permit (principal is Agent, action, resource);
      @id("own") permit (principal is User, action, resource == Resource::"orders")
      when { !(context.input has customer_id) || context.input.customer_id == principal.customer_id };
    `,
  }
}

let postgres: TestPostgres
let orders: OrdersServer
let issuers: HttpServer
let point: FakePoint
let door: McpDoor
let server: HttpServer & { readonly origin: string }

beforeAll(async () => {
  postgres = await startTestPostgres()
  const database = await postgres.freshDatabase()
  await database.pool.query(await readFile(join(ROOT, 'examples/customer/orders.sql'), 'utf8'))
  const tenants = ['operator', 'a', 'b']
  const keys = keysFor(Object.fromEntries(tenants.map((tenant) => [tenant, {}])))
  issuers = await fakeIssuers(keys)
  const authorityOrigin = `http://127.0.0.1:${issuers.port}`
  orders = await startOrdersServer({
    database: { ...postgres.server.connectionTo(database.name, 'orders_app') },
    issuers: ['a', 'b'].map((tenant) => `${authorityOrigin}/t/${tenant}`),
  })
  const person = (user: string, customer_id: string) => ({
    user,
    idp: 'company',
    sub: user,
    attributes: { customer_id },
  })
  const agent = { agent: 'support', kind: 'customer', owner: 'lee@operator.example', is: { trust: 'prod' } }
  const world: World = {
    operator: { agent: [agent] },
    a: customers(orders.url, [person('ana', 'c-42'), person('ada', 'c-77')]),
    b: customers(orders.url, [person('bo', 'c-42')]),
  }
  server = await serveAt(async (origin) => {
    point = await fakeEnforcementPoint(world, { origin, authorityOrigin, upstream: orders.url }, keys)
    door = openMcpDoor(point)
    return door.routes
  })
})

afterAll(async () => {
  await door?.close()
  await server?.close()
  await orders?.close()
  await issuers?.close()
  await postgres?.stop()
})

async function client(tenant: string, user?: UserId, resource = 'orders'): Promise<Client> {
  const token = point.token({ tenant, resource, ...(user ? { user } : {}) })
  const made = new Client({ name: 'support', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  const url = new URL(`${server.origin}/t/${tenant}/mcp/${resource}`)
  await made.connect(
    new StreamableHTTPClientTransport(url, {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    }),
  )
  return made
}

async function answer(from: Client, name: string, input: Record<string, string>) {
  const { content, isError, _meta } = await from.callTool({ name, arguments: input })
  const [first] = content as { text: string }[]
  return { text: first?.text ?? '', isError: isError === true, reason: _meta?.['countersign/reason'] }
}

describe('a customer agent, the gateway, a real orders server and a real PostgreSQL', () => {
  it("reads its user's orders, and nobody else's: the gateway says no, and so does the database", async () => {
    const forAna = await client('a', ana('a', 'ana'))
    expect((await answer(forAna, 'get_order', { customer_id: 'c-42', order_id: 'o-1001' })).text).toContain(
      'desk lamp',
    )
    expect(JSON.parse((await answer(forAna, 'list_orders', { customer_id: 'c-42' })).text)).toHaveLength(2)
    expect((await answer(forAna, 'get_order', { customer_id: 'c-77', order_id: 'o-1003' })).reason).toBe(
      'user.no_permit',
    )
    expect((await answer(forAna, 'find_order', { order_id: 'o-1002' })).text).toContain('bookshelf')
    for (const order_id of ['o-1003', 'o-2001']) {
      expect(await answer(forAna, 'find_order', { order_id })).toMatchObject({
        isError: true,
        text: 'There is no such order.',
      })
    }
    await forAna.close()
  })

  it('serves two tenants at once from one table, where the same customer id means somebody else', async () => {
    const [forAna, forBo] = await Promise.all([client('a', ana('a', 'ana')), client('b', ana('b', 'bo'))])
    const listed = await Promise.all(
      [forAna, forBo].map((each) => answer(each, 'list_orders', { customer_id: 'c-42' })),
    )
    expect(listed.map(({ text: found }) => found.match(/o-\d+/g))).toEqual([
      ['o-1001', 'o-1002'],
      ['o-2001', 'o-2002'],
    ])
    await Promise.all([forAna.close(), forBo.close()])
  })

  it('changes an order of its user, once', async () => {
    const forBo = await client('b', ana('b', 'bo'))
    const cancel = () => answer(forBo, 'cancel_order', { customer_id: 'c-42', order_id: 'o-2002' })
    expect((await cancel()).text).toContain('cancelled')
    expect((await cancel()).text).toBe('There is no such order.')
    await forBo.close()
  })

  it('lets the agent alone read the catalogue', async () => {
    const alone = await client('a', undefined, 'catalogue')
    expect((await answer(alone, 'list_products', {})).text).toContain('kettle')
    await alone.close()
  })

  it('is the only way in: the orders server takes no token that is not for it', async () => {
    const token = point.token({ tenant: 'a', user: ana('a', 'ana') })
    for (const headers of [{}, { authorization: `Bearer ${token}` }]) {
      expect((await fetch(`${orders.url}/mcp`, { method: 'POST', headers, body: '{}' })).status).toBe(401)
    }
  })
})
