import { afterEach, beforeEach, expect, it } from 'vitest'
import { ANA, type OpenDoor, openDoor } from '../../../test/fakes/mcp-door.ts'
import { type SessionServer, startSessionServer } from '../../../test/fakes/session-server.ts'

let behind: SessionServer
let at: OpenDoor
beforeEach(async () => {
  behind = await startSessionServer()
  at = await openDoor(behind)
})
afterEach(async () => {
  await at.close()
  behind.close()
})

const call = (id: number, customer_id: string, name = 'get_order') => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: { customer_id } },
})
const HELLO = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: { name: 't', version: '1' } },
}
type Said = {
  readonly id: number
  readonly result?: { isError?: boolean }
  readonly error?: { data: { reason: string } }
}

async function send(body: unknown, session?: string, headers: Record<string, string> = {}) {
  const own = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...at.bearer(),
  }
  const named = session === undefined ? {} : { 'mcp-session-id': session }
  const answer = await fetch(at.urlOf(), {
    method: 'POST',
    headers: { ...own, ...named, ...headers },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  const said = text.startsWith('[') ? (JSON.parse(text) as Said[]) : []
  return { status: answer.status, text, said, session: answer.headers.get('mcp-session-id') ?? '' }
}

async function begin(): Promise<string> {
  const { session } = await send(HELLO)
  behind.told.length = 0
  at.point.events.length = 0
  return session
}

it('has an answer and a record for each message, and a refused one neither stops nor lets through another', async () => {
  const session = await begin()
  const batch = [
    call(1, 'c-42'),
    call(2, 'c-77'),
    call(3, 'c-42', 'hidden'),
    { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 1, progress: 1 } },
    call(4, 'c-42'),
    { jsonrpc: '2.0', id: 5, method: 'nonsense' },
    { nothing: true },
  ]
  const { status, said } = await send(batch, session)
  expect(status).toBe(200)
  const shown = said.map(({ id, result, error }) => [id, error?.data.reason ?? result?.isError ?? 'answered'])
  expect(shown).toEqual([
    [1, 'answered'],
    [2, true],
    [3, 'tool.unknown'],
    [4, 'answered'],
    [5, 'mcp.method'],
    [null, 'mcp.message'],
  ])
  const sent = behind.told.map(({ body }) => JSON.parse(body))
  expect(sent.map(({ id }) => id).sort()).toEqual([1, 4, undefined])
  const decided = at.recorded('decision').map(([outcome, reason, tool]) => [outcome, reason, tool])
  expect(decided).toHaveLength(6)
  expect(decided.filter(([outcome]) => outcome === 'allow')).toHaveLength(3)
})

it('of nothing that has an answer is taken with 202', async () => {
  const session = await begin()
  const told = [{ jsonrpc: '2.0', method: 'notifications/progress', params: {} }]
  expect(await send(told, session)).toMatchObject({ status: 202, text: '' })
})

it.each<[string, unknown, Record<string, string>]>([
  ['of a later revision', [call(1, 'c-42')], { 'mcp-protocol-version': '2025-06-18' }],
  ['of 2026-07-28', [call(1, 'c-42')], { 'mcp-protocol-version': '2026-07-28' }],
  ['that is empty', [], {}],
  ['of more than 32', Array.from({ length: 33 }, (_, id) => call(id, 'c-42')), {}],
])('%s is refused whole, with one record', async (_name, batch, headers) => {
  behind.told.length = 0
  const { status, text } = await send(batch, undefined, headers)
  expect([status, text]).toEqual([400, expect.stringContaining('mcp.batch')])
  expect(behind.told).toEqual([])
  expect(at.recorded('decision')).toEqual([['deny', 'mcp.batch', undefined]])
})

it('is of the revision of its session, begins none, and a strange session is refused once', async () => {
  const { session } = await send({ ...HELLO, params: { ...HELLO.params, protocolVersion: '2025-11-25' } })
  expect((await send([call(1, 'c-42')], session)).status).toBe(400)
  expect((await send([HELLO])).said.map(({ error }) => error?.data.reason)).toEqual(['mcp.batch'])
  at.point.events.length = 0
  expect((await send([call(1, 'c-42'), call(2, 'c-42')], 'made up')).status).toBe(404)
  expect(at.recorded('decision')).toEqual([['deny', 'session.unknown', undefined]])
})

it('is judged by its token like any message, before anything of it', async () => {
  const session = await begin()
  const headers = at.bearer()
  at.point.revoke('a', `user:${ANA}`)
  expect((await send([call(1, 'c-42'), call(2, 'c-42')], session, headers)).status).toBe(401)
  expect(behind.told).toEqual([])
})
