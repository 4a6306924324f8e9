/** A part that takes orders: one JSON line in (`{id, do, with}`), one JSON line out (`{id, ok, value}` or `{id, ok: false, error}`). */
import { createInterface } from 'node:readline'

export type Failure = { readonly code: string; readonly says: string; readonly status?: number }
type Order = { readonly id: number; readonly do: string; readonly with: Record<string, unknown> }
export type Orders = Readonly<Record<string, (args: Record<string, unknown>) => Promise<unknown>>>

function failure(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: 'error', says: String(error) }
  const { code, status } = error as { code?: unknown; status?: unknown }
  const base = {
    code: typeof code === 'string' || typeof code === 'number' ? String(code) : error.name,
    says: error.message,
  }
  return typeof status === 'number' ? { ...base, status } : base
}

async function answer(orders: Orders, line: string): Promise<string> {
  const order = JSON.parse(line) as Order
  try {
    const run = orders[order.do]
    if (!run) throw new Error(`no such order: ${order.do}`)
    return JSON.stringify({ id: order.id, ok: true, value: (await run(order.with)) ?? null })
  } catch (error) {
    return JSON.stringify({ id: order.id, ok: false, error: failure(error) })
  }
}

/** Serves orders until stdin closes, then ends: a part must not outlive whoever started it. */
export function takeOrders(orders: Orders): void {
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => void answer(orders, line).then((reply) => process.stdout.write(`${reply}\n`)))
  lines.on('close', () => process.exit(0))
}

/** A string argument of an order, or '' when it is absent. */
export function text(args: Record<string, unknown>, name: string): string {
  const value = args[name]
  return typeof value === 'string' ? value : ''
}
