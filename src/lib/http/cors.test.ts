import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Cors, Route } from './route.ts'
import { type HttpServer, serveRoutes } from './server.ts'

const ANY: Cors = { origins: 'any', headers: ['*'], expose: ['www-authenticate'] }
const SOME: Cors = {
  origins: new Set(['https://chat.example']),
  headers: ['authorization', '*'],
  expose: ['mcp-session-id'],
}
let calls = 0
const run: Route['run'] = async () => {
  calls += 1
  return { status: 200, json: {} }
}
const line = (method: Route['method'], path: string, cors?: Cors): Route => {
  const takes = method === 'POST' ? 'json' : 'nothing'
  return {
    method,
    path,
    guard: 'public',
    takes,
    errors: 'oauth',
    run,
    ...(cors === undefined ? {} : { cors }),
  }
}
const stream: Route = {
  ...line('GET', '/stream', SOME),
  run: async () => ({
    takeOver: async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(': \n\n')
    },
  }),
}

let server: HttpServer
let origin: string
beforeAll(async () => {
  const routes = [
    line('GET', '/any', ANY),
    line('POST', '/any', ANY),
    line('DELETE', '/any'),
    line('POST', '/some', SOME),
    line('POST', '/none'),
    stream,
  ]
  server = await serveRoutes(routes, { host: '127.0.0.1', port: 0 })
  origin = `http://127.0.0.1:${server.port}`
})
afterAll(() => server.close())

const ask = async (path: string, headers: Record<string, string>, init: RequestInit = {}) => {
  const response = await fetch(origin + path, { ...init, headers })
  await response.text()
  const told = [...response.headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary')
  return { status: response.status, ...Object.fromEntries(told) }
}
const preflight = (path: string, from: string, method = 'POST') =>
  ask(path, { origin: from, 'access-control-request-method': method }, { method: 'OPTIONS' })

describe('what a browser asks before a script of another site may call', () => {
  test('is answered without running anything, for the methods that scripts may use', async () => {
    calls = 0
    expect(await preflight('/any', 'https://evil.example')).toEqual({
      status: 204,
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': '*',
      'access-control-max-age': '7200',
    })
    expect(calls).toBe(0)
  })

  test('names a listed site to itself alone', async () => {
    expect(await preflight('/some', 'https://chat.example')).toMatchObject({
      status: 204,
      'access-control-allow-origin': 'https://chat.example',
      'access-control-allow-headers': 'authorization, *',
      vary: 'origin',
    })
  })

  test.each([
    ['of a site that is not listed', () => preflight('/some', 'https://evil.example')],
    ['of a site that looks like a listed one', () => preflight('/some', 'https://chat.example.evil.example')],
    ['of a page without an origin', () => preflight('/some', 'null')],
    ['about a route for nobody', () => preflight('/none', 'https://chat.example')],
    ['that is none', () => ask('/any', {}, { method: 'OPTIONS' })],
  ])('%s is refused like any method that is not there', async (_what, asked) => {
    expect(await asked()).toEqual({ status: 405 })
  })

  test('takes no body with it', async () => {
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
    const body = 'x'.repeat(100_000)
    expect((await ask('/any', headers, { method: 'OPTIONS', body })).status).toBe(204)
  })
})

describe('an answer', () => {
  const json = { 'content-type': 'application/json' }

  test.each([
    ['a yes', '{}', 200],
    ['a no of the door', '{', 400],
  ])('that is %s can be read by a script that may call', async (_what, body, status) => {
    expect(await ask('/some', { ...json, origin: 'https://chat.example' }, { method: 'POST', body })).toEqual(
      {
        status,
        'access-control-allow-origin': 'https://chat.example',
        'access-control-expose-headers': 'mcp-session-id',
        vary: 'origin',
      },
    )
  })

  test('can be read by nobody else, and never says that cookies may come', async () => {
    for (const from of ['https://evil.example', 'null'])
      expect(await ask('/some', { ...json, origin: from }, { method: 'POST', body: '{}' })).toEqual({
        status: 200,
      })
  })

  test('that is a stream says it too', async () => {
    expect(await ask('/stream', { origin: 'https://chat.example' })).toMatchObject({
      'access-control-allow-origin': 'https://chat.example',
    })
  })

  test('that may be kept by a cache says it to everybody', async () => {
    expect(await ask('/any', {})).toMatchObject({ 'access-control-allow-origin': '*' })
    expect(await ask('/any', json, { method: 'POST', body: '{}' })).toEqual({ status: 200 })
  })
})
