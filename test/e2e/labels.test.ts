import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TenantName } from '../../src/core/ids.ts'
import type { ChangeDraft } from '../../src/core/registry.ts'
import type { HttpServer } from '../../src/lib/http/server.ts'
import { type McpDoor, openMcpDoor } from '../../src/protocols/mcp/routes.ts'
import { randomId } from '../../src/stores/postgres/store/random.ts'
import { type Border, startBorder } from '../fakes/border.ts'
import { serveAt } from '../fakes/enforcement-point.ts'
import { type Answered, type Behind, REVISION, startBehind } from '../fakes/mcp-door.ts'

const A = 'a' as TenantName

type Gateway = { readonly door: McpDoor; readonly server: HttpServer & { readonly origin: string } }
let border: Border
let behind: Behind
let gateways: readonly Gateway[]
beforeAll(async () => {
  border = await startBorder()
  behind = await startBehind()
  await border.store.commit({
    events: [],
    changes: [place('orders', { labels: ['confidential'] }), place('catalogue', { clearance: 'public' })],
  })
  await border.live.refresh()
  gateways = await Promise.all(['edge-1', 'edge-2'].map(openGateway))
})
afterAll(async () => {
  for (const { door, server } of gateways ?? []) {
    await door.close()
    await server.close()
  }
  behind?.close()
  await border?.close()
})

function place(resource: string, over: object): ChangeDraft {
  const base = { resource, type: 'mcp', at: `${behind.url}/mcp`, data: 'argument', alone: false }
  const rest = { labels: [], clearance: 'confidential', credential: { provider: 'upstream', life: '5m' } }
  const doc = { ...base, ...rest, tools: { get_order: { hint: 'read' } }, ...over }
  return { tenant: A, kind: 'resource', name: resource, doc } as ChangeDraft
}

async function openGateway(instance: string): Promise<Gateway> {
  const link = await border.link(instance)
  await link.ready
  const door = openMcpDoor(link.point)
  return { door, server: await serveAt(async () => door.routes) }
}

/** Why not, or `answered`. */
async function call(gateway: number, resource: string, session: string): Promise<unknown> {
  const { authorization, dpop } = border.caller('a', { resource, session }).present()
  const meta = {
    'io.modelcontextprotocol/protocolVersion': REVISION,
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const params = { _meta: meta, name: 'get_order', arguments: { customer_id: 'c-42' } }
  const own = {
    'content-type': 'application/json',
    'mcp-protocol-version': REVISION,
    'mcp-method': 'tools/call',
  }
  const response = await fetch(`${gateways[gateway]?.server.origin}/t/a/mcp/${resource}`, {
    method: 'POST',
    headers: { ...own, 'mcp-name': 'get_order', authorization, dpop },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  })
  const { result, error } = (await response.json()) as Answered
  return result?._meta?.['countersign/reason'] ?? error?.data.reason ?? (result?.content && 'answered')
}

/** What reached the server behind, but for the gateways' own looks at what it offers. */
const called = () => behind.seen.filter((headers) => headers['mcp-method'] === 'tools/call').length

test('what a session read at one gateway does not flow to a lower place at the other, from the first moment on', async () => {
  for (let round = 0; round < 20; round++) {
    const session = randomId('session')
    const [reader, writer] = round % 2 === 0 ? [0, 1] : [1, 0]
    expect(await call(writer, 'catalogue', session)).toBe('answered')
    const sent = called()
    expect(await call(reader, 'orders', session)).toBe('answered')
    expect(await call(writer, 'catalogue', session)).toBe('label.flow')
    expect(called()).toBe(sent + 1)
    expect(await call(reader, 'catalogue', session)).toBe('label.flow')
    expect(await call(writer, 'orders', session)).toBe('answered')
    expect(await call(writer, 'catalogue', randomId('session'))).toBe('answered')
  }
})

test('the label is in the audit, and reaches every gateway that serves the tenant, and no other', async () => {
  const session = randomId('session')
  await call(0, 'orders', session)
  const raised = await border.events('a', 'label.raised')
  for (const { event } of raised)
    expect(event).toMatchObject({ kind: 'session', facts: { label: 'confidential' } })
  expect(raised.map(({ event }) => event.session)).toContain(session)
  const labelled = (point: {
    snapshot: () => { tenants: ReadonlyMap<string, { sessionLabels: ReadonlyMap<string, unknown> }> }
  }) => point.snapshot().tenants.get('a')?.sessionLabels.has(`${session}/confidential`)
  for (const { door } of gateways) await expect.poll(() => labelled(door.enforcement.point)).toBe(true)
  const other = await border.link('other-1', 'other')
  await other.ready
  expect(other.point.snapshot().tenants.has(A)).toBe(false)
})
