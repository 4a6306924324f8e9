import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { AccessToken, Agent } from '../../src/sdk/agent.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/stores/postgres/embedded/start.ts'
import { endServers, familyOf, type ServerProcess, startServer } from '../support/server-process.ts'
import { makeSmallWorld, type SmallWorld } from '../support/small-world.ts'

let folder: string
let world: SmallWorld
let database: EmbeddedPostgres
let authority: ServerProcess
let port: number
let agent: Agent
let token: AccessToken

const startDatabase = () => startEmbeddedPostgres({ dataDir: join(folder, 'database') })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cs-outage-'))
  await chmod(folder, 0o711)
  database = await startDatabase()
  const { host, port: at, user } = await database.createDatabase('countersign')
  const database_url = `postgres://${user}@${encodeURIComponent(host)}:${at}/countersign`
  world = await makeSmallWorld(folder, { authority: { database_url } })
  authority = await startServer(folder, 'authority', { authority: world.authority })
  await authority.ready('authority')
  await world.apply()
  const gateway = await startServer(folder, 'gateway', { gateway: await world.gateway() })
  port = Number((await gateway.ready('gateway'))['port'])
  agent = await world.agent()
  token = await world.token(agent)
})
afterAll(async () => {
  await endServers()
  await database?.stop()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
})

const OUTAGES: readonly [string, () => Promise<void>, () => Promise<void>][] = [
  [
    'is stopped',
    () => database.stop(),
    async () => {
      database = await startDatabase()
    },
  ],
  [
    'is killed',
    async () => {
      process.kill(database.pid, 'SIGKILL')
      await database.ended
    },
    async () => {
      database = await startDatabase()
    },
  ],
  [
    'hangs',
    async () => {
      for (const pid of familyOf(database.pid)) process.kill(pid, 'SIGSTOP')
    },
    async () => {
      for (const pid of familyOf(database.pid)) process.kill(pid, 'SIGCONT')
    },
  ],
]

/** What asking for a token came to within three seconds: nothing may come later than an outage allows either. */
async function minted(): Promise<string> {
  const fresh = await world.agent()
  const late = new Promise<string>((resolve) => setTimeout(resolve, 3000, 'no answer').unref())
  const asked = world.token(fresh).then(
    () => 'a token',
    (error: { status?: number }) => String(error.status ?? 'broken'),
  )
  return Promise.race([asked, late])
}

describe.each(OUTAGES)('while the database %s', (_how, begin, end) => {
  it('nothing is minted and nothing is let through, and afterwards everything works', async () => {
    expect(await minted()).toBe('a token')
    expect(await world.call(agent, port, token)).toMatch(/upstream\./)
    await begin()
    // `staleness` is 2 s at the authority here, and 3 s in the tenant, which gateways go by.
    await vi.waitFor(
      async () => {
        const response = await fetch(`${world.origin}/t/operator/token`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: 'grant_type=client_credentials',
        })
        expect(response.status).not.toBe(200)
      },
      { timeout: 5000 },
    )
    await new Promise((resolve) => setTimeout(resolve, 2200))
    expect(await minted()).toBe('503')
    await vi.waitFor(async () => expect(await world.call(agent, port, token)).toMatch(/stale/), {
      timeout: 8000,
      interval: 250,
    })
    await end()
    await vi.waitFor(async () => expect(await minted()).toBe('a token'), { timeout: 15_000, interval: 250 })
    await vi.waitFor(async () => expect(await world.call(agent, port, token)).toMatch(/upstream\./), {
      timeout: 15_000,
      interval: 250,
    })
  }, 60_000)
})
