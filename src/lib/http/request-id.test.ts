import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Route } from './route.ts'
import { type HttpServer, serveRoutes } from './server.ts'

class Outage extends Error {
  readonly fault = 'unavailable'
}
const base = { guard: 'public', errors: 'problem', run: async () => ({ status: 200, json: {} }) } as const
const ROUTES: readonly Route[] = [
  { ...base, method: 'POST', path: '/named', takes: 'json', givesRequestId: true },
  {
    ...base,
    method: 'GET',
    path: '/named/down',
    takes: 'nothing',
    givesRequestId: true,
    run: () => Promise.reject(new Outage('x')),
  },
  { ...base, method: 'GET', path: '/things/:thing', takes: 'nothing' },
]

let server: HttpServer
beforeAll(async () => {
  server = await serveRoutes(ROUTES, { host: '127.0.0.1', port: 0 })
})
afterAll(() => server.close())

/** Bytes as they are, and all that comes back. */
function raw(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write(request, 'latin1'))
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
  })
}

describe('a request id', () => {
  const named = (id: string, path = '/named', body = '{}', type = 'application/json') =>
    raw(
      `${path === '/named' ? 'POST' : 'GET'} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${id}` +
        (path === '/named'
          ? `content-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`
          : '\r\n'),
    )

  it.each([
    ['a good answer', '/named', '{}', 'application/json', '200 OK'],
    ['a body that is none', '/named', '{', 'application/json', '400 Bad Request'],
    ['another media type', '/named', '{}', 'text/plain', '415 '],
    ['a query that is none', '/named/down?a&a', '', '', '400 Bad Request'],
    ['a fault', '/named/down', '', '', '503 '],
  ])('is given back with %s', async (_what, path, body, type, status) => {
    const answer = await named('X-Request-ID: a b;c\r\n', path, body, type)
    expect(answer).toContain(`HTTP/1.1 ${status}`)
    expect(answer).toContain('\r\nx-request-id: a b;c\r\n')
  })

  it.each(['', 'x'.repeat(201), 'a\u00e9', 'a\tb'])('that can not be, %j, is refused', async (id) => {
    const answer = await named(`X-Request-ID: ${id}\r\n`)
    expect(answer).toContain('400 Bad Request')
    expect(answer).toContain('http.request_id')
    expect(answer).not.toContain('\r\nx-request-id')
  })

  it('is not given back where no route says so', async () => {
    expect(
      await raw('GET /things/a HTTP/1.1\r\nhost: x\r\nX-Request-ID: 1\r\nconnection: close\r\n\r\n'),
    ).not.toContain('x-request-id')
  })
})
