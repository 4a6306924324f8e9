import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import {
  createGuardedFetch,
  type FetchOptions,
  fetchJson,
  type GuardedFetchSettings,
} from './guarded-fetch.ts'
import { isPublicAddress } from './outside-address.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening)
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function reason(
  url: string,
  settings: GuardedFetchSettings = {},
  options: FetchOptions = {},
): Promise<string> {
  const result = await createGuardedFetch(settings)(url, options)
  return result.ok ? `ok ${result.value.status}` : result.error.reason
}

const json: RequestListener = (_request, response) => {
  response.setHeader('content-type', 'application/jwk-set+json')
  response.end('{"keys":[]}')
}

describe('fetching documents from outside', () => {
  it('reaches a private address only when the operator and the caller both list it', async () => {
    const place = await serve(json)
    const url = `http://${place}/jwks`
    expect(await reason(url, { allow: [place] }, { allow: [place] })).toBe('ok 200')
    expect(await reason(url, { allow: [place] })).toBe('fetch.scheme')
    expect(await reason(url, {}, { allow: [place] })).toBe('fetch.scheme')
    expect(await reason(`https://${place}/jwks`, { allow: ['127.0.0.1:1'] }, { allow: [place] })).toBe(
      'fetch.private_address',
    )
  })

  it('checks the address that a name resolves to, and each of several', async () => {
    let asked = 0
    const resolve = async () => {
      asked++
      return [
        { address: '93.184.215.14', family: 4 as const },
        { address: '169.254.169.254', family: 4 as const },
      ]
    }
    expect(await reason('https://metadata.example/', { resolve })).toBe('fetch.private_address')
    expect(asked).toBe(1)
  })

  it('connects to the very address that was checked', async () => {
    const place = await serve((request, response) => response.end(request.headers.host))
    const port = place.split(':')[1]
    const listed = { allow: [`issuer.example:${port}`] }
    const resolve = async () => [{ address: '127.0.0.1', family: 4 as const }]
    const result = await createGuardedFetch({ ...listed, resolve })(`http://issuer.example:${port}/`, listed)
    expect(result.ok && result.value.body.toString()).toBe(`issuer.example:${port}`)
  })

  it.each([
    'https://127.0.0.1/',
    'https://0x7f.1/',
    'https://2130706433/',
    'https://0/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://10.0.0.1/',
    'https://169.254.169.254/latest/meta-data/',
    'https://100.64.0.1/',
    'https://[fe80::1]/',
    'https://[fd00::1]/',
  ])('refuses %s', async (url) => {
    expect(await reason(url)).toBe('fetch.private_address')
  })

  it.each([
    ['http://example.com/', 'fetch.scheme'],
    ['file:///etc/passwd', 'fetch.scheme'],
    ['https://user:word@example.com/', 'fetch.url'],
    ['example.com', 'fetch.url'],
  ])('refuses %s', async (url, expected) => {
    expect(await reason(url)).toBe(expected)
  })

  it('knows what is public', () => {
    expect(['93.184.215.14', '2606:2800:21f:cb07::1'].map(isPublicAddress)).toEqual([true, true])
    expect(['192.0.2.1', '224.0.0.1', '2002:7f00:1::', 'no address'].map(isPublicAddress)).toEqual(
      Array(4).fill(false),
    )
  })

  it('follows no redirect', async () => {
    const place = await serve((_request, response) =>
      response.writeHead(302, { location: '/elsewhere' }).end(),
    )
    expect(await reason(`http://${place}/`, { allow: [place] }, { allow: [place] })).toBe('fetch.redirect')
  })

  it('stops reading at its size and at its time', async () => {
    const place = await serve((request, response) => {
      if (request.url === '/large') response.end('x'.repeat(2000))
      else response.write('x')
    })
    const allow = [place]
    expect(await reason(`http://${place}/large`, { allow }, { allow, maxBytes: 1999 })).toBe(
      'fetch.too_large',
    )
    expect(await reason(`http://${place}/large`, { allow }, { allow, maxBytes: 2000 })).toBe('ok 200')
    expect(await reason(`http://${place}/slow`, { allow, timeout: 150 }, { allow })).toBe('fetch.timeout')
  })

  it('says when nobody is there', async () => {
    const place = await serve(json)
    const server = servers.pop()
    await new Promise((closed) => server?.close(closed))
    expect(await reason(`http://${place}/`, { allow: [place] }, { allow: [place] })).toBe('fetch.failed')
  })
})

describe('JSON from outside', () => {
  it.each([
    ['a JWKS', 200, 'application/jwk-set+json', '{"keys":[]}', 'ok'],
    ['JSON with a charset', 200, 'application/json; charset=utf-8', '{}', 'ok'],
    ['a page', 200, 'text/html', '{}', 'fetch.content_type'],
    ['no type', 200, '', '{}', 'fetch.content_type'],
    ['an error', 500, 'application/json', '{}', 'fetch.status'],
    ['a list', 200, 'application/json', '[]', 'fetch.json'],
    ['a repeated member', 200, 'application/json', '{"keys":[],"keys":[]}', 'fetch.json'],
  ])('%s', async (_name, status, type, body, expected) => {
    const place = await serve((_request, response) => {
      response.writeHead(status, type === '' ? {} : { 'content-type': type }).end(body)
    })
    const result = await fetchJson(createGuardedFetch({ allow: [place] }), `http://${place}/`, {
      allow: [place],
    })
    expect(result.ok ? 'ok' : result.error.reason).toBe(expected)
  })
})
