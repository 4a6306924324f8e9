import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { type Certificate, makeCertificate } from '../fakes/certificate.ts'
import { endServers, type ServerProcess, startServer } from '../support/server-process.ts'
import { makeSmallWorld, type SmallWorld } from '../support/small-world.ts'

let folder: string
let world: SmallWorld
let ours: Certificate
let others: Certificate
let authority: ServerProcess

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cs-tls-'))
  await chmod(folder, 0o711)
  ;[ours, others] = await Promise.all([makeCertificate(folder, 'ours'), makeCertificate(folder, 'others')])
  const tls = { certificate: 'ours.crt', key: 'ours.key' }
  world = await makeSmallWorld(folder, { scheme: 'https', authority: { tls } })
  authority = await startServer(folder, 'authority', { authority: world.authority })
  await authority.ready('authority')
  await world.apply()
})
afterAll(async () => {
  await endServers()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
})

async function issuerWith(ca: string): Promise<unknown> {
  const dispatcher = new Agent({ connect: { ca } })
  try {
    const at = `${world.origin}/.well-known/oauth-authorization-server/t/operator`
    const { body } = await request(at, { dispatcher })
    return ((await body.json()) as { readonly issuer?: unknown }).issuer
  } finally {
    await dispatcher.close()
  }
}

it('a gateway follows the authority whose certificate chains to its CA bundle', async () => {
  const gateway = { ...(await world.gateway()), authority_ca: 'ours.crt' }
  const server = await startServer(folder, 'pinned', { gateway })
  expect(await server.ready('gateway')).toMatchObject({ role: 'gateway' })
  server.kill('SIGTERM')
  expect(await server.ended).toBe(0)
})

it('a gateway never tells its evidence to one whose certificate does not', async () => {
  const gateway = { ...(await world.gateway('gw-2')), authority_ca: 'others.crt' }
  const server = await startServer(folder, 'astray', { gateway })
  await vi.waitFor(() => expect(server.faults().join()).toContain('authority.unreachable'), { timeout: 5000 })
  expect(server.isReady('gateway')).toBe(false)
  expect(server.faults().join()).toMatch(/self.signed|SELF_SIGNED|unable to verify/i)
  server.kill('SIGTERM')
  expect(await server.ended).toBe(0)
})

it('clients read the issuer over https, and a SIGHUP brings a new certificate without a restart', async () => {
  expect(await issuerWith(ours.ca)).toBe(`${world.origin}/t/operator`)
  await expect(issuerWith(others.ca)).rejects.toThrow()
  await writeFile(ours.key, others.keyPem)
  authority.kill('SIGHUP')
  await vi.waitFor(() => expect(authority.faults().join()).toContain('certificate'))
  expect(await issuerWith(ours.ca)).toBe(`${world.origin}/t/operator`)
  await writeFile(ours.certificate, others.ca)
  authority.kill('SIGHUP')
  await vi.waitFor(async () => expect(await issuerWith(others.ca)).toBe(`${world.origin}/t/operator`))
})
