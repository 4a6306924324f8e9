import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type SecureVersion } from 'node:tls'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Certificate, makeCertificate } from '../../test/fakes/certificate.ts'
import { createGuardedFetch } from '../lib/guarded-fetch.ts'
import type { Route } from '../lib/http/route.ts'
import { checkPlace, openDoor, type Place } from './listen.ts'
import { ownFolder } from './own-folder.ts'

let folder: string
let ours: Certificate
let others: Certificate
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cs-listen-'))
  ;[ours, others] = await Promise.all([makeCertificate(folder, 'ours'), makeCertificate(folder, 'others')])
})
afterAll(() => rm(folder, { recursive: true }))

const routes: readonly Route[] = [
  {
    method: 'GET',
    path: '/here',
    guard: 'public',
    takes: 'nothing',
    errors: 'problem',
    run: async () => ({ status: 200, json: { here: true } }),
  },
]
const place = (files: Pick<Certificate, 'certificate' | 'key'>): Place => ({
  listen: '127.0.0.1:0',
  tls: { certificate: files.certificate, key: files.key },
})
const open = (at: Place) => openDoor('authority', at, routes, () => {})

async function statusWith(port: number, ca: string): Promise<number> {
  const dispatcher = new Agent({ connect: { ca } })
  try {
    const { statusCode, body } = await request(`https://127.0.0.1:${port}/here`, { dispatcher })
    await body.dump()
    return statusCode
  } finally {
    await dispatcher.close()
  }
}

/** The protocol of a connection that offers one version only; the error's code when it is refused. */
function protocolOf(port: number, version: SecureVersion): Promise<string> {
  return new Promise((resolve) => {
    const options = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' } as const
    const socket = connectTls({ host: '127.0.0.1', port, ca: ours.ca, ...options }, () => {
      resolve(socket.getProtocol() ?? '')
      socket.destroy()
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
  })
}

describe('a door with a certificate', () => {
  it('answers who trusts it, and only over https', async () => {
    const door = await open(place(ours))
    expect(await statusWith(door.port, ours.ca)).toBe(200)
    await expect(statusWith(door.port, others.ca)).rejects.toThrow()
    await expect(request(`http://127.0.0.1:${door.port}/here`)).rejects.toThrow()
    await door.close()
  })

  it('takes TLS 1.2 and 1.3, and nothing older', async () => {
    const door = await open(place(ours))
    expect(await protocolOf(door.port, 'TLSv1.3')).toBe('TLSv1.3')
    expect(await protocolOf(door.port, 'TLSv1.2')).toBe('TLSv1.2')
    expect(await protocolOf(door.port, 'TLSv1.1')).toMatch(/^(ERR|E)/)
    await door.close()
  })

  it('is fetched from by the CA that a document names, and by no other', async () => {
    const door = await open(place(ours))
    const allow = [`127.0.0.1:${door.port}`]
    const fetch = createGuardedFetch({ allow })
    const get = (ca: string) => fetch(`https://127.0.0.1:${door.port}/here`, { allow, ca })
    expect(await get(ours.ca)).toMatchObject({ ok: true })
    expect(await get(others.ca)).toMatchObject({ ok: false })
    await door.close()
  })

  it('shows a new certificate once it is told to, and keeps the old one when the new is none', async () => {
    const files = await makeCertificate(folder, 'turning')
    const door = await open(place(files))
    await writeFile(files.certificate, others.ca)
    expect(() => door.renew()).toThrow('belong together')
    expect(await statusWith(door.port, files.ca)).toBe(200)
    await writeFile(files.key, others.keyPem)
    door.renew()
    expect(await statusWith(door.port, others.ca)).toBe(200)
    await expect(statusWith(door.port, files.ca)).rejects.toThrow()
    await door.close()
  })

  it('closes in time with a connection that never finishes its handshake', async () => {
    const door = await open(place(ours))
    const { connect } = await import('node:net')
    const silent = connect(door.port, '127.0.0.1')
    await new Promise<void>((resolve) => silent.once('connect', () => resolve()))
    silent.on('error', () => {})
    const began = performance.now()
    await door.close()
    expect(performance.now() - began).toBeLessThan(1500)
    silent.destroy()
  })
})

describe('a place that can not be used', () => {
  it('is named: its files', async () => {
    const missing = place({ ...ours, certificate: join(folder, 'none.pem') })
    await expect(checkPlace('gateway', missing)).rejects.toMatchObject({
      lines: [expect.stringMatching(/^gateway\.tls\.certificate: .*ENOENT/)],
    })
    const mixed = place({ certificate: ours.certificate, key: others.key })
    await expect(checkPlace('gateway', mixed)).rejects.toThrow('gateway.tls: certificate and key')
    const bare = await makeCertificate(folder, 'bare')
    await chmod(bare.key, 0o644)
    await expect(checkPlace('gateway', place(bare))).rejects.toThrow('gateway.tls.key')
    await chmod(bare.key, 0o640)
    await checkPlace('gateway', place(bare))
  })

  it('is named: its address', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const address = other.address()
    const listen = `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
    const taken = { reason: 'config.listen', message: expect.stringContaining('another program') }
    await expect(checkPlace('authority', { listen })).rejects.toMatchObject(taken)
    await expect(open({ listen })).rejects.toMatchObject(taken)
    await new Promise<void>((resolve) => other.close(() => resolve()))
    await checkPlace('authority', { listen })
    await expect(checkPlace('authority', { listen: '192.0.2.1:1' })).rejects.toMatchObject({
      reason: 'config.listen',
    })
  })
})

describe('the folder of an authority', () => {
  it('is made 0700 or closed to others, and is a folder of this account', async () => {
    const { stat, mkdir, symlink } = await import('node:fs/promises')
    const path = join(folder, 'new', 'state')
    await ownFolder(path)
    expect((await stat(path)).mode & 0o777).toBe(0o700)
    await chmod(path, 0o755)
    await ownFolder(path)
    expect((await stat(path)).mode & 0o777).toBe(0o700)
    await writeFile(join(folder, 'file'), '')
    await expect(ownFolder(join(folder, 'file'))).rejects.toMatchObject({ reason: 'config.folder' })
    await expect(ownFolder(join(folder, 'file', 'state'))).rejects.toMatchObject({ reason: 'config.folder' })
    await mkdir(join(folder, 'real'))
    await symlink(join(folder, 'real'), join(folder, 'link'))
    await expect(ownFolder(join(folder, 'link'))).rejects.toMatchObject({ reason: 'config.folder' })
  })

  it.skipIf(process.geteuid?.() !== 0)('is refused when it is of another account', async () => {
    const { chown, mkdir } = await import('node:fs/promises')
    const path = join(folder, 'theirs')
    await mkdir(path)
    await chown(path, 12_345, 12_345)
    await expect(ownFolder(path)).rejects.toMatchObject({ reason: 'config.folder' })
  })
})
