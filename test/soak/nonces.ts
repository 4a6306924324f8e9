import { randomUUID } from 'node:crypto'
import { Pool } from 'undici'
import { serveRoutes } from '../../src/lib/http/server.ts'
import { openMcpDoor } from '../../src/protocols/mcp/routes.ts'
import { type OpenDoor, openDoor, REVISION } from '../fakes/mcp-door.ts'
import { ana, change } from '../properties/decide-world.ts'
import { type EchoServer, startEchoServer } from './echo-server.ts'

export type NonceAsk = {
  /** Each is a person of their own, with a session and a token of their own. */
  readonly clients: number
  /** Of all clients together. */
  readonly calls: number
  readonly progress?: (done: number) => void
}
/** `crossed`: answers that were not the one to their question, and sessions in which somebody else's message came. */
export type NonceReport = {
  readonly calls: number
  readonly crossed: number
  readonly sessions: number
  readonly seconds: number
}

const LEGACY = '2025-11-25'
const META = {
  'io.modelcontextprotocol/protocolVersion': REVISION,
  'io.modelcontextprotocol/clientCapabilities': {},
}

/**
 * Many people at once, each with a nonce in each call, in both eras in turn, at two gateways in turn, before one server that repeats what it
 * is told: each must hear their own, and nothing else.
 */
export async function echoNonces({ clients, calls, progress }: NonceAsk): Promise<NonceReport> {
  const behind = await startEchoServer()
  const at = await openDoor({ ...NOTHING, url: behind.url })
  const other = openMcpDoor(at.point)
  const second = await serveRoutes(other.routes, { host: '127.0.0.1', port: 0 })
  const pools = [at.origin, `http://127.0.0.1:${second.port}`].map(
    (origin) => new Pool(origin, { connections: 100 }),
  )
  const began = performance.now()
  const shared: Shared = { left: calls, done: 0, crossed: 0, progress }
  try {
    const people = Array.from({ length: clients }, (_, n) => personOf(at, n))
    await Promise.all(people.map((person) => speak(person, new URL(at.urlOf()).pathname, pools, shared)))
    return {
      calls: shared.done,
      crossed: shared.crossed + behind.mixed(),
      sessions: behind.sessions(),
      seconds: (performance.now() - began) / 1000,
    }
  } finally {
    await closeAll(pools, at, other, second, behind)
  }
}

const NOTHING = { release: () => undefined, forget: () => undefined }

async function closeAll(
  pools: readonly Pool[],
  at: OpenDoor,
  other: { close(): Promise<void> },
  second: { close(): Promise<void> },
  behind: EchoServer,
): Promise<void> {
  await Promise.all(pools.map((pool) => pool.destroy()))
  await at.close()
  await other.close()
  await second.close()
  behind.close()
}

type Person = { readonly customer: string; readonly authorization: string }
type Shared = {
  left: number
  done: number
  crossed: number
  readonly progress: ((done: number) => void) | undefined
}

function personOf(at: OpenDoor, n: number): Person {
  const [name, customer] = [`person-${n}`, `c-${n + 1000}`]
  const user = { user: `${name}@a.example`, idp: 'company', sub: name, attributes: { customer_id: customer } }
  at.point.apply(change('a', 'user', user.user, user))
  const exp = Math.floor(Date.now() / 1000) + 86_400
  const id = ana('a', name)
  return { customer, ...at.bearer({ user: id, over: { exp, sid: `ses_${name}` } }) }
}

type Post = (message: object, headers: Record<string, string>, pool: Pool | undefined) => Promise<Answer>
type Answer = { readonly session: string; readonly text: string }

async function speak(person: Person, path: string, pools: readonly Pool[], shared: Shared): Promise<void> {
  const common = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    authorization: person.authorization,
  }
  const post: Post = async (message, headers, pool) => {
    if (!pool) throw new Error('there is no gateway')
    const body = JSON.stringify({ jsonrpc: '2.0', ...message })
    const answer = await pool.request({ method: 'POST', path, headers: { ...common, ...headers }, body })
    return { session: String(answer.headers['mcp-session-id'] ?? ''), text: await answer.body.text() }
  }
  const hello = {
    id: 0,
    method: 'initialize',
    params: { protocolVersion: LEGACY, capabilities: {}, clientInfo: {} },
  }
  const { session } = await post(hello, {}, pools[0])
  for (let turn = 0; shared.left > 0; turn++) {
    shared.left -= 1
    const nonce = randomUUID()
    const order = { name: 'get_order', arguments: { customer_id: person.customer, order_id: nonce } }
    const modern = turn % 2 === 1
    const params = modern ? { ...order, _meta: META } : order
    const { text } = await post(
      { id: turn, method: 'tools/call', params },
      modern
        ? { 'mcp-protocol-version': REVISION, 'mcp-method': 'tools/call', 'mcp-name': 'get_order' }
        : { 'mcp-protocol-version': LEGACY, 'mcp-session-id': session },
      pools[(turn >> 1) % pools.length],
    )
    if (!isOwn(text, turn, `${person.customer} ${nonce}`)) shared.crossed += 1
    shared.done += 1
    if (shared.done % 10_000 === 0) shared.progress?.(shared.done)
  }
}

/** The one message that was asked for, whole, in whichever form. */
function isOwn(text: string, id: number, said: string): boolean {
  const expected = { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: said }] } }
  const messages = text.startsWith('{')
    ? [text]
    : [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => data)
  return messages.length === 1 && messages[0] === JSON.stringify(expected)
}
