import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type OpenDoor, openDoor, REVISION } from '../../../test/fakes/mcp-door.ts'
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

const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_order","arguments":{}}}'
const deep = (levels: number) =>
  CALL.replace('"arguments":{}', `"arguments":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`)

type Headers = Record<string, string>

/** Over a connection of its own, so that anything can be sent. Answers the status and all that came back. */
function raw(body: string, more: Headers = {}, { length = Buffer.byteLength(body), half = false } = {}) {
  const url = new URL(at.urlOf())
  const headers = {
    host: url.host,
    'content-type': 'application/json',
    'content-length': String(length),
    'mcp-protocol-version': '2025-11-25',
    connection: 'close',
    ...at.bearer(),
    ...more,
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return new Promise<{ status: number; text: string }>((resolve) => {
    const socket = connect(Number(url.port), url.hostname)
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve({ status: Number(text.slice(9, 12)), text }))
    socket.write(`POST ${url.pathname} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
    if (half) socket.end()
  })
}

const denials = () => at.recorded('decision').map(([outcome, reason]) => [outcome, reason])

describe('what can not be read', () => {
  it.each<[string, () => ReturnType<typeof raw>, number, string]>([
    ['members twice', () => raw(CALL.replace('"id":1', '"id":1,"id":2')), 400, 'http.json'],
    [
      'a name twice, once with an escape',
      () => raw(CALL.replace('{}', '{"a":1,"\\u0061":2}')),
      400,
      'http.json',
    ],
    ['33 deep', () => raw(deep(33)), 400, 'http.json'],
    ['100,000 deep', () => raw(CALL.slice(0, -1).padEnd(60_000, '[')), 400, 'http.json'],
    ['no JSON', () => raw('{"jsonrpc":'), 400, 'http.json'],
    ['NUL in a string', () => raw(CALL.replace('get_order', 'a\\u0000b')), 400, 'http.json'],
    ['half of a character', () => raw(CALL.replace('get_order', '\\ud800')), 400, 'http.json'],
    ['32 MiB', () => raw(CALL, {}, { length: 32 * 1024 * 1024 }), 413, 'http.too_large'],
    ['another media type', () => raw(CALL, { 'content-type': 'text/plain' }), 415, 'http.media_type'],
    ['a message that is none', () => raw('{"jsonrpc":"1.0","id":1,"method":"ping"}'), 400, 'mcp.message'],
    ['an id of no type', () => raw(CALL.replace('"id":1', '"id":{}')), 400, 'mcp.message'],
    ['an unknown revision', () => raw(CALL, { 'mcp-protocol-version': '1999-01-01' }), 400, 'mcp.version'],
    [
      'a revision twice',
      () => raw(CALL, { 'mcp-protocol-version': '2025-11-25\r\nmcp-protocol-version: x' }),
      400,
      'mcp.headers',
    ],
    [
      'another era without its envelope',
      () => raw(CALL, { 'mcp-protocol-version': REVISION }),
      400,
      'mcp.meta',
    ],
    ['the session of nobody', () => raw(CALL, { 'mcp-session-id': 'x' }), 404, 'session.unknown'],
    ['two sessions', () => raw(CALL, { 'mcp-session-id': 'x\r\nmcp-session-id: y' }), 400, 'session.several'],
    ['an array of later revisions', () => raw(`[${CALL}]`), 400, 'mcp.batch'],
    ['an answer to nothing', () => raw('{"jsonrpc":"2.0","id":"x","result":{}}'), 400, 'mcp.response'],
  ])(
    'is refused 50 times at once, as what it is, without a call behind, each recorded once: %s',
    async (_name, send, status, reason) => {
      const answers = await Promise.all(Array.from({ length: 50 }, send))
      expect(
        new Set(answers.map(({ status: got, text }) => `${got} ${text.includes(`"${reason}"`)}`)),
      ).toEqual(new Set([`${status} true`]))
      expect(behind.seen).toEqual([])
      expect(denials()).toEqual(Array.from({ length: 50 }, () => ['deny', reason]))
    },
  )

  it('is not recorded of somebody who proves nothing', async () => {
    const { status } = await raw('{"jsonrpc":', { authorization: 'Basic x' })
    expect(status).toBe(400)
    expect(at.recorded('decision').filter(([, reason]) => reason === 'http.json')).toEqual([])
    expect(behind.seen).toEqual([])
  })
})

describe('a connection that is half closed', () => {
  it('after a whole message is answered all the same', async () => {
    const { status, text } = await raw('{"jsonrpc":"2.0","id":1,"method":"ping"}', {}, { half: true })
    expect([status, text.includes('"result":{}')]).toEqual([200, true])
  })

  it('in the middle of one asks nothing behind', async () => {
    await raw(CALL, {}, { length: 2 * CALL.length, half: true })
    expect(behind.seen).toEqual([])
    expect(at.recorded('decision').filter(([outcome]) => outcome === 'allow')).toEqual([])
  })
})
