import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { BadConfig, readServerConfig } from './config.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cs-config-'))
})
afterAll(() => rm(folder, { recursive: true }))

const AUTHORITY = {
  listen: '127.0.0.1:8470',
  origin: 'https://authority.example',
  gateway_origin: 'https://gateway.example',
  folder: 'state',
  log_name: 'authority.example/log',
}
const GATEWAY = {
  listen: '127.0.0.1:8471',
  instance: 'gw-1',
  origin: 'https://gateway.example',
  authority: 'https://authority.example',
  authority_ca: 'ca.pem',
  evidence: 'token',
  journal: 'journal',
}

async function read(config: unknown) {
  const path = join(folder, 'server.yaml')
  await writeFile(path, typeof config === 'string' ? config : stringify(config))
  return readServerConfig(path)
}

async function linesOf(config: unknown): Promise<readonly string[]> {
  const error: unknown = await read(config).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(BadConfig)
  return error instanceof BadConfig ? error.lines : []
}

const without = (from: object, key: string) =>
  Object.fromEntries(Object.entries(from).filter(([name]) => name !== key))

describe('the configuration of a server', () => {
  it('is read with its defaults, and its paths are from its own folder', async () => {
    const tls = { certificate: 'tls.crt', key: '/etc/tls.key' }
    const { authority, gateway } = await read({
      authority: { ...AUTHORITY, tls, keys: 'keys', secrets: { review: 'review.token' } },
      gateway: GATEWAY,
    })
    expect(authority).toMatchObject({
      staleness: '5s',
      allow_private: [],
      folder: join(folder, 'state'),
      keys: join(folder, 'keys'),
      secrets: { review: join(folder, 'review.token') },
      tls: { certificate: join(folder, 'tls.crt'), key: '/etc/tls.key' },
    })
    expect(gateway).toMatchObject({
      unshipped: '30s',
      evidence: join(folder, 'token'),
      journal: join(folder, 'journal'),
      authority_ca: join(folder, 'ca.pem'),
    })
  })

  it.each(Object.keys(AUTHORITY))('without authority.%s stops the start, which names it', async (key) => {
    expect(await linesOf({ authority: without(AUTHORITY, key) })).toEqual([`authority.${key}: is missing`])
  })

  it.each(Object.keys(without(GATEWAY, 'authority_ca')))(
    'without gateway.%s stops the start, which names it',
    async (key) => {
      expect(await linesOf({ gateway: without(GATEWAY, key) })).toEqual([`gateway.${key}: is missing`])
    },
  )

  it('names each wrong key in a line of its own', async () => {
    expect(await linesOf({ authority: { ...AUTHORITY, listen: 'x', log_name: 'X Y' } })).toHaveLength(2)
  })

  it('with an unknown key is refused, with what was meant', async () => {
    expect(await linesOf({ authority: { ...AUTHORITY, stalenes: '9s' } })).toEqual([
      'authority.stalenes: unknown key, did you mean `staleness`?',
    ])
    expect(await linesOf({ authority: AUTHORITY, gatway: {} })).toEqual([
      'gatway: unknown key, did you mean `gateway`?',
    ])
    const tls = { certificate: 'a', key: 'b', min_version: '1.0' }
    expect(await linesOf({ authority: { ...AUTHORITY, tls } })).toEqual([
      'authority.tls.min_version: unknown key',
    ])
  })

  it('that names no role has nothing to run', async () => {
    expect(await linesOf({})).toEqual([expect.stringContaining('nothing to run')])
    expect(await linesOf('')).toEqual([expect.stringContaining('nothing to run')])
  })

  it('that is no YAML, or not there, is refused in one line', async () => {
    expect(await linesOf('authority: [')).toEqual([
      expect.stringMatching(/^[^\n]*can't be read: [^\n]*line 1/),
    ])
    expect(() => readServerConfig(join(folder, 'nowhere.yaml'))).toThrow(BadConfig)
  })
})

describe('an origin', () => {
  it.each([
    'https://authority.example/',
    'https://authority.example/auth',
    'https://authority.example?a=b',
    'https://ann:x@authority.example',
    'https://AUTHORITY.example',
    'https://authority.example:443',
    'ftp://authority.example',
    'authority.example',
  ])('is not %s', async (origin) => {
    expect(await linesOf({ authority: { ...AUTHORITY, origin } })).toEqual([
      expect.stringMatching(/^authority\.origin: /),
    ])
  })

  it.each(['http://authority.example', 'http://10.0.0.1', 'http://0.0.0.0:8080', 'http://127.0.0.1.example'])(
    'is not %s: plain http is for this machine',
    async (origin) => {
      const says = 'plain http is for loopback addresses only; use https'
      expect(await linesOf({ authority: { ...AUTHORITY, origin } })).toEqual([`authority.origin: ${says}`])
      expect(await linesOf({ authority: { ...AUTHORITY, gateway_origin: origin } })).toEqual([
        `authority.gateway_origin: ${says}`,
      ])
      expect(await linesOf({ gateway: { ...GATEWAY, origin } })).toEqual([`gateway.origin: ${says}`])
      expect(await linesOf({ gateway: { ...GATEWAY, authority: origin } })).toEqual([
        `gateway.authority: ${says}`,
      ])
    },
  )

  it.each(['http://127.0.0.1:8470', 'http://localhost:8470', 'http://[::1]:8470', 'http://127.8.0.1'])(
    'may be %s',
    async (origin) => {
      expect((await read({ authority: { ...AUTHORITY, origin } })).authority?.origin).toBe(origin)
    },
  )
})

describe('what one key says of another', () => {
  it('an https authority is pinned by a CA bundle', async () => {
    expect(await linesOf({ gateway: without(GATEWAY, 'authority_ca') })).toEqual([
      expect.stringMatching(/^gateway\.authority_ca: is missing/),
    ])
    const local = { ...without(GATEWAY, 'authority_ca'), authority: 'http://127.0.0.1:8470' }
    expect((await read({ gateway: local })).gateway?.authority_ca).toBeUndefined()
  })

  it('who serves https has an https origin', async () => {
    const tls = { certificate: 'a', key: 'b' }
    const origin = 'http://127.0.0.1:8470'
    expect(await linesOf({ authority: { ...AUTHORITY, tls, origin } })).toEqual([
      expect.stringMatching(/^authority\.origin: must be https/),
    ])
    expect(await linesOf({ gateway: { ...GATEWAY, tls, origin } })).toEqual([
      expect.stringMatching(/^gateway\.origin: must be https/),
    ])
  })

  it('two roles of one file speak of each other', async () => {
    const elsewhere = 'https://elsewhere.example'
    expect(await linesOf({ authority: AUTHORITY, gateway: { ...GATEWAY, authority: elsewhere } })).toEqual([
      expect.stringMatching(/^gateway\.authority: /),
    ])
    expect(await linesOf({ authority: AUTHORITY, gateway: { ...GATEWAY, origin: elsewhere } })).toEqual([
      expect.stringMatching(/^gateway\.origin: /),
    ])
  })
})
