import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type Behind,
  type OpenDoor,
  openDoor,
  REVISION,
  type Sent,
  startBehind,
} from '../../../test/fakes/mcp-door.ts'

let behind: Behind
let at: OpenDoor
beforeAll(async () => {
  behind = await startBehind()
})
afterAll(() => behind.close())
beforeEach(async () => {
  behind.status = 0
  behind.seen.length = 0
  at = await openDoor(behind)
})
afterEach(() => at.close())

const own = { customer_id: 'c-42' }

describe('a message', () => {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': REVISION,
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const message = (params: object, method = 'tools/list') => ({ jsonrpc: '2.0', id: 1, method, params })
  it.each<[string, Sent, number, number]>([
    ['is an array', { body: [message({ _meta: meta })] }, 400, -32600],
    ['is a response', { body: { jsonrpc: '2.0', id: 1, result: {} } }, 400, -32600],
    ['has no id of its type', { body: { ...message({ _meta: meta }), id: {} } }, 400, -32600],
    ['has no envelope in 2026-07-28', { body: message({}), method: 'tools/list' }, 400, -32602],
    [
      'says another revision in its header',
      { method: 'tools/list', headers: { 'mcp-protocol-version': '2025-11-25' } },
      400,
      -32020,
    ],
    [
      'says another method in its header',
      { method: 'tools/list', headers: { 'mcp-method': 'tools/call' } },
      400,
      -32020,
    ],
    [
      'says another tool in its header',
      { params: { name: 'get_order' }, headers: { 'mcp-name': 'list_orders' } },
      400,
      -32020,
    ],
    [
      'is of a revision that is not served',
      {
        body: message({ _meta: { ...meta, 'io.modelcontextprotocol/protocolVersion': '2027-01-01' } }),
        headers: { 'mcp-protocol-version': '2027-01-01' },
      },
      400,
      -32022,
    ],
    ['asks for a method that is not judged here', { method: 'skills/list' }, 404, -32601],
    [
      'has a reference among its arguments',
      { params: { name: 'get_order', arguments: { x: [{ __entity: {} }] } } },
      400,
      -32602,
    ],
    ['has arguments that are not an object', { params: { name: 'get_order', arguments: [] } }, 400, -32602],
  ])('is refused when it %s', async (_name, sent, status, code) => {
    const answer = await at.post({ ...sent, headers: { ...at.bearer(), ...sent.headers } })
    expect([answer.status, answer.json.error?.code]).toEqual([status, code])
    if (Array.isArray(sent.body)) expect(answer.json.error?.data.reason).toBe('mcp.batch')
    expect(behind.seen).toEqual([])
  })

  it('with a name that a header can not hold is compared decoded', async () => {
    const name = `=?base64?${Buffer.from('get_order').toString('base64')}?=`
    const answer = await at.post({
      params: { name: 'get_order', arguments: own },
      headers: { ...at.bearer(), 'mcp-name': name },
    })
    expect(answer.json.result?.content?.[0]?.text).toBe('order of c-42')
  })

  it('of an older revision needs no headers, and its unknown methods are ordinary errors', async () => {
    const headers = { 'content-type': 'application/json', ...at.bearer() }
    const send = async (body: object) =>
      (
        await fetch(at.urlOf(), {
          method: 'POST',
          headers,
          body: JSON.stringify({ jsonrpc: '2.0', ...body }),
        })
      ).json()
    expect(await send({ id: randomUUID(), method: 'ping' })).toMatchObject({ result: {} })
    expect(await send({ id: 1, method: 'skills/list' })).toMatchObject({ error: { code: -32601 } })
  })

  it('that is a notification is taken, and goes nowhere', async () => {
    const answer = await at.post({
      body: { jsonrpc: '2.0', method: 'notifications/initialized' },
      headers: { ...at.bearer(), 'mcp-method': 'notifications/initialized' },
    })
    expect(answer.status).toBe(202)
    expect(behind.seen).toEqual([])
  })

  it('takes its protocol headers along, and no session of anybody', async () => {
    const headers = {
      ...at.bearer(),
      'mcp-session-id': 's',
      'mcp-param-region': 'eu',
      cookie: 'c=1',
      'x-forwarded-for': '9',
    }
    await at.call(own, headers)
    expect(behind.seen[0]).toMatchObject({ 'mcp-method': 'tools/call', 'mcp-param-region': 'eu' })
    expect(Object.keys(behind.seen[0] ?? {})).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/session|cookie|forwarded/)]),
    )
  })

  it('that lists is answered for this caller only, and not at all to one that may not enter', async () => {
    const listed = await at.post({ method: 'tools/list', headers: at.bearer() })
    expect(listed.json.result?.cacheScope).toBe('private')
    expect(listed.json.result?.ttlMs).toBeLessThanOrEqual(5000)
    behind.seen.length = 0
    const alone = { authorization: `Bearer ${at.point.token({ tenant: 'a' })}` }
    const { json } = await at.post({ method: 'tools/list', headers: alone })
    const asks = at.point.asks.length
    expect([json.error?.code, json.error?.data.reason]).toEqual([403, 'user.required'])
    expect([behind.seen.length, asks]).toEqual([0, 1])
  })
})
