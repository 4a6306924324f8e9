import { McpServer } from '@modelcontextprotocol/server'
import type { Pool, PoolClient } from 'pg'
import { z } from 'zod'
import type { Reader } from './orders-token.ts'

const COLUMNS = 'order_id, customer_id, item, status, total_cents'
const order = z.object({ customer_id: z.string(), order_id: z.string() })

type Answer = {
  readonly content: [{ readonly type: 'text'; readonly text: string }]
  readonly isError?: true
}

function rows(found: readonly unknown[]): Answer {
  return { content: [{ type: 'text', text: JSON.stringify(found, null, 1) }] }
}

const NO_ORDER: Answer = { content: [{ type: 'text', text: 'There is no such order.' }], isError: true }

/** Every statement runs in a transaction that tells the database for whom; the setting ends with it. */
async function readAs<T>(pool: Pool, reader: Reader, run: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query(
      "SELECT set_config('orders.tenant', $1, true), set_config('orders.customer', $2, true)",
      [reader.tenant, reader.customer ?? ''],
    )
    const value = await run(client)
    await client.query('COMMIT')
    return value
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  } finally {
    client.release()
  }
}

async function one(pool: Pool, reader: Reader, sql: string, values: readonly string[]): Promise<Answer> {
  const { rows: found } = await readAs(pool, reader, (client) => client.query(sql, [...values]))
  return found.length === 0 ? NO_ORDER : rows(found)
}

/** The orders server for one request: its tools read as whoever the credential is for. */
export function ordersTools(pool: Pool, reader: Reader): McpServer {
  const server = new McpServer({ name: 'orders', version: '1.0.0' })
  const read = { annotations: { readOnlyHint: true } }
  server.registerTool(
    'get_order',
    { ...read, description: 'One order of a customer.', inputSchema: order },
    ({ customer_id, order_id }) =>
      one(pool, reader, `SELECT ${COLUMNS} FROM orders WHERE customer_id = $1 AND order_id = $2`, [
        customer_id,
        order_id,
      ]),
  )
  server.registerTool(
    'list_orders',
    { ...read, description: 'All orders of a customer.', inputSchema: order.pick({ customer_id: true }) },
    async ({ customer_id }) => {
      const sql = `SELECT ${COLUMNS} FROM orders WHERE customer_id = $1 ORDER BY order_id`
      return rows((await readAs(pool, reader, (client) => client.query(sql, [customer_id]))).rows)
    },
  )
  server.registerTool(
    'find_order',
    { ...read, description: 'An order by its number alone.', inputSchema: order.pick({ order_id: true }) },
    ({ order_id }) => one(pool, reader, `SELECT ${COLUMNS} FROM orders WHERE order_id = $1`, [order_id]),
  )
  server.registerTool(
    'cancel_order',
    { description: 'Cancels an open order.', inputSchema: order, annotations: { readOnlyHint: false } },
    ({ customer_id, order_id }) =>
      one(
        pool,
        reader,
        `UPDATE orders SET status = 'cancelled' WHERE customer_id = $1 AND order_id = $2 AND status = 'open' RETURNING ${COLUMNS}`,
        [customer_id, order_id],
      ),
  )
  return server
}

/** The public catalogue: the same for everybody. */
export function catalogueTools(pool: Pool): McpServer {
  const server = new McpServer({ name: 'catalogue', version: '1.0.0' })
  server.registerTool(
    'list_products',
    { description: 'What is for sale.', inputSchema: z.object({}), annotations: { readOnlyHint: true } },
    async () => rows((await pool.query('SELECT product, price_cents FROM products ORDER BY product')).rows),
  )
  return server
}
