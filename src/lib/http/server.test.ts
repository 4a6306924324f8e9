import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DoorRequest, DoorResponse, Route } from './route.ts'
import { type HttpServer, serveRoutes } from './server.ts'

const seen: DoorRequest[] = []
const faults: unknown[] = []
const echo = async (request: DoorRequest): Promise<DoorResponse> => {
  seen.push(request)
  return {
    status: 200,
    json: { params: { ...request.params }, query: [...request.query], json: request.json ?? null },
  }
}
class Outage extends Error {
  readonly fault = 'unavailable'
}
const base = { guard: 'public', takes: 'nothing', errors: 'problem' } as const
const ROUTES: readonly Route[] = [
  { ...base, method: 'GET', path: '/things/:thing', run: echo },
  { ...base, method: 'GET', path: '/things/fixed', run: async () => ({ status: 200, json: 'fixed' }) },
  { ...base, method: 'GET', path: '/things/:thing/parts/:part', run: echo },
  { ...base, method: 'POST', path: '/json', takes: 'json', run: echo },
  { ...base, method: 'POST', path: '/rpc', takes: 'json', errors: 'jsonrpc', maxBytes: 100, run: echo },
  {
    ...base,
    method: 'POST',
    path: '/form',
    takes: 'form',
    errors: 'oauth',
    repeatable: ['many'],
    run: async ({ form }) => ({ status: 200, json: [...form] }),
  },
  { ...base, method: 'GET', path: '/down', run: () => Promise.reject(new Outage('secret-detail')) },
  {
    ...base,
    method: 'GET',
    path: '/broken',
    errors: 'oauth',
    run: () => Promise.reject(new Error('secret-detail')),
  },
  {
    ...base,
    method: 'GET',
    path: '/wait',
    run: (request) =>
      new Promise((resolve) => {
        seen.push(request)
        request.signal.addEventListener('abort', () => resolve({ status: 200, json: 'gone' }))
      }),
  },
  {
    ...base,
    method: 'GET',
    path: '/stream',
    run: async () => ({
      takeOver: async (_request, response) => {
        response.writeHead(200)
        response.write('half')
        throw new Error('cut')
      },
    }),
  },
]

let server: HttpServer
let origin: string
beforeAll(async () => {
  server = await serveRoutes(ROUTES, {
    host: '127.0.0.1',
    port: 0,
    onFault: (fault) => faults.push(fault),
    limits: { headersTimeout: 400, requestTimeout: 800 },
  })
  origin = `http://127.0.0.1:${server.port}`
})
afterAll(() => server.close())

const post = (path: string, type: string | undefined, body: string | Uint8Array) =>
  fetch(origin + path, {
    method: 'POST',
    body: new Uint8Array(Buffer.from(body)),
    headers: type === undefined ? {} : { 'content-type': type },
  })

/** Sends bytes as they are, and reads until the other side closes. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write(bytes))
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
  })
}

describe('the route table', () => {
  it('finds fixed words before parameters and hands parameters over decoded', async () => {
    expect(await (await fetch(`${origin}/things/fixed`)).json()).toBe('fixed')
    const found = await (await fetch(`${origin}/things/a%2Fb/parts/c`)).json()
    expect(found).toMatchObject({ params: { thing: 'a/b', part: 'c' } })
  })

  it.each([
    '/',
    '/nothing',
    '/things',
    '/things/',
    '/things/a/',
    '//things/a',
    '/things/a/parts',
    '/Things/a',
    '/%74hings/a',
  ])('has nothing at %s', async (path) => {
    const response = await fetch(origin + path)
    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({ status: 404, reason: 'http.not_found' })
  })

  it.each(['%', '%4', '%zz', '%ff', '%00', '%61', '%2e%2E', '%7E'])(
    'refuses the segment %s, which has another spelling or none',
    async (segment) => {
      const answer = await raw(`GET /things/${segment} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
      expect(answer).toContain('400 Bad Request')
      expect(answer).toContain('http.path')
    },
  )

  it.each(['PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE'])(
    'answers %s with 405 and Allow',
    async (method) => {
      const answer = await raw(`${method} /json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
      expect(answer).toContain('405 Method Not Allowed')
      expect(answer.toLowerCase()).toContain('allow: post')
    },
  )

  it('does not start with two equal routes, or a path that is none', async () => {
    const [first] = ROUTES
    if (!first) throw new Error('no route')
    const options = { host: '127.0.0.1', port: 0 }
    await expect(serveRoutes([first, { ...first, path: '/things/:other' }], options)).rejects.toThrow(
      'two routes',
    )
    await expect(serveRoutes([{ ...first, path: 'things' }], options)).rejects.toThrow('not a route path')
  })

  it('takes no absolute request target, whatever Host says', async () => {
    const answer = await raw(
      'GET http://evil.example/things/a HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n',
    )
    expect(answer).toContain('404')
  })
})

describe('queries', () => {
  it('are read once each', async () => {
    expect(await (await fetch(`${origin}/things/a?x=1&y=a+b%26`)).json()).toMatchObject({
      query: [
        ['x', '1'],
        ['y', 'a b&'],
      ],
    })
  })
  it.each(['x=1&x=2', 'x=%', 'x=%ff', 'x=%00', '%78=1&x=1'])('are refused as %s', async (query) => {
    const response = await fetch(`${origin}/things/a?${query}`)
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({ reason: 'http.query' }),
    ])
  })
})

describe('media types', () => {
  it('are asked for exactly', async () => {
    const response = await post('/json', 'text/plain', '{}')
    expect([response.status, await response.json()]).toEqual([
      415,
      expect.objectContaining({ reason: 'http.media_type' }),
    ])
  })
  it('refuse two of them, and an encoded body', async () => {
    const head = 'POST /json HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n'
    expect(
      await raw(`${head}content-type: application/json\r\ncontent-type: application/json\r\n\r\n{}`),
    ).toContain('415')
    expect(await raw(`${head}content-type: application/json\r\ncontent-encoding: gzip\r\n\r\n{}`)).toContain(
      '415',
    )
  })
})

describe('JSON bodies', () => {
  it.each([
    ['a repeated member', '{"a":1,"a":2}'],
    ['a repeated member, escaped', '{"a":1,"\\u0061":2}'],
    ['depth 33', '['.repeat(33) + ']'.repeat(33)],
    ['nothing', ''],
    ['a byte order mark', '\ufeff{}'],
    ['a lone surrogate', '"\\ud800"'],
  ])('with %s are refused', async (_name, body) => {
    expect((await post('/json', 'application/json', body)).status).toBe(400)
  })
  it('may be 32 deep, and may name prototypes', async () => {
    expect((await post('/json', 'application/json', '['.repeat(32) + ']'.repeat(32))).status).toBe(200)
    expect(
      (await post('/json', 'application/json', '{"__proto__":{"polluted":true},"constructor":1}')).status,
    ).toBe(200)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
  it('speak JSON-RPC where the route does', async () => {
    const response = await post('/rpc', 'application/json', '{')
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({
      jsonrpc: '2.0',
      id: null,
      error: { code: -32700, message: expect.any(String), data: { reason: 'http.json' } },
    })
    const large = await post('/rpc', 'application/json', JSON.stringify('x'.repeat(99)))
    expect([large.status, await large.json()]).toEqual([
      413,
      expect.objectContaining({ error: expect.objectContaining({ code: -32600 }) }),
    ])
  })
})

describe('sizes', () => {
  it('stop at the bound, stated or not, and the answer can be read', async () => {
    const just = JSON.stringify('x'.repeat(65_534))
    expect((await post('/json', 'application/json', just)).status).toBe(200)
    expect((await post('/json', 'application/json', `${just} `)).status).toBe(413)
    expect((await post('/json', 'application/json', 'x'.repeat(3_000_000))).status).toBe(413)
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
    const answer = await raw(
      `POST /json HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`,
    )
    expect(answer).toContain('413')
  })
  it('are refused before they are sent when the caller waits for 100-continue', async () => {
    const answer = await new Promise((resolve, reject) => {
      const request = httpRequest(`${origin}/json`, {
        method: 'POST',
        headers: { expect: '100-continue', 'content-type': 'application/json', 'content-length': '9999999' },
      })
      request.on('response', (response) => resolve(response.statusCode))
      request.on('continue', () => reject(new Error('was told to go on')))
      request.on('error', reject)
      request.flushHeaders()
    })
    expect(answer).toBe(413)
  })
  it('of headers are bounded in bytes and in number', async () => {
    const head = 'GET /things/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n'
    expect(await raw(`${head}x: ${'y'.repeat(20_000)}\r\n\r\n`)).toContain('431')
    expect(await raw(`${head}${'x: y\r\n'.repeat(70)}\r\n`)).toContain('431')
  })
  it('that are not taken at all are refused', async () => {
    expect(
      await raw('GET /things/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx'),
    ).toContain('http.body_unexpected')
  })
  it('and slow senders are cut', async () => {
    expect(await raw('GET /things/a HTTP/1.1\r\nhost: x\r\n')).toContain('408')
  })
})

describe('forms', () => {
  const form = (body: string) => post('/form', 'application/x-www-form-urlencoded', body)
  it('keep every value of what may be repeated', async () => {
    const response = await form('a=1&many=x&many=y+z&b=%C3%A9&&c')
    expect(await response.json()).toEqual([
      ['a', ['1']],
      ['many', ['x', 'y z']],
      ['b', ['é']],
      ['c', ['']],
    ])
  })
  it.each([
    'a=1&a=2',
    'a=1&a=1',
    'a=&a=1',
    '%61=1&a=2',
    'a=%',
    'a=%g1',
    'a=%ff',
    'a=%ed%a0%80',
    'a=%00',
    'a=é',
    Array.from({ length: 101 }, (_, at) => `p${at}=1`).join('&'),
  ])('are refused as %.30s', async (body) => {
    const response = await form(body)
    expect([response.status, await response.json()]).toEqual([
      400,
      { error: 'invalid_request', error_description: expect.any(String), reason: 'http.form' },
    ])
  })
})

describe('faults', () => {
  it('tell the caller nothing, and the operator everything', async () => {
    faults.length = 0
    const down = await fetch(`${origin}/down`)
    expect([down.status, down.headers.get('retry-after'), await down.json()]).toEqual([
      503,
      '1',
      expect.objectContaining({ reason: 'http.unavailable' }),
    ])
    const broken = await fetch(`${origin}/broken`)
    const text = await broken.text()
    expect(broken.status).toBe(500)
    expect(text).not.toContain('secret-detail')
    expect(JSON.parse(text)).toMatchObject({ error: 'server_error', reason: 'http.bug' })
    expect(faults).toHaveLength(2)
  })
  it('in a stream cut the connection', async () => {
    await expect(fetch(`${origin}/stream`).then((response) => response.text())).rejects.toThrow()
  })
  it.each([
    'GARBAGE\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'GET /things/a HTTP/1.1\r\n\r\n',
    'POST /json HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
  ])('of HTTP itself are 400: %j', async (bytes) => {
    expect(await raw(bytes)).toContain('HTTP/1.1 400')
  })
})

describe('answers and requests', () => {
  it('carry the headers that keep browsers away, and do not say what runs here', async () => {
    const { headers } = await fetch(`${origin}/things/a`)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.has('x-powered-by') || headers.has('server')).toBe(false)
  })
  it('keep every value of a repeated header, even of one named like a prototype', async () => {
    await raw(
      'GET /things/a HTTP/1.1\r\nhost: x\r\nDPoP: one\r\ndpop: two\r\n__proto__: x\r\n__proto__: y\r\nconnection: close\r\n\r\n',
    )
    const headers = seen.at(-1)?.headers ?? {}
    expect(headers.dpop).toEqual(['one', 'two'])
    expect(Object.keys(headers)).toContain('__proto__')
  })
  it('abort their signal when the caller goes away', async () => {
    const leaving = new AbortController()
    const gone = fetch(`${origin}/wait`, { signal: leaving.signal }).catch(() => 'left')
    while (seen.at(-1)?.path !== '/wait') await new Promise((resolve) => setTimeout(resolve, 5))
    leaving.abort()
    expect(await gone).toBe('left')
    const { signal } = seen.at(-1) ?? {}
    while (!signal?.aborted) await new Promise((resolve) => setTimeout(resolve, 5))
  })
  it('say the address of the peer', async () => {
    await fetch(`${origin}/things/a`, { headers: { 'x-forwarded-for': '8.8.8.8' } })
    expect(seen.at(-1)?.address).toBe('127.0.0.1')
  })
})

describe('closing', () => {
  it('waits for what is in flight, then is done', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const route: Route = {
      ...base,
      method: 'GET',
      path: '/slow',
      run: async () => {
        await held
        return { status: 200, json: 'done' }
      },
    }
    const other = await serveRoutes([route], { host: '127.0.0.1', port: 0 })
    const answer = fetch(`http://127.0.0.1:${other.port}/slow`)
    await new Promise((resolve) => setTimeout(resolve, 30))
    const closed = other.close()
    release()
    expect(await (await answer).json()).toBe('done')
    await closed
    await expect(fetch(`http://127.0.0.1:${other.port}/slow`)).rejects.toThrow()
  })
})
