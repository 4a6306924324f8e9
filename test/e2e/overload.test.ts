import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type AdminClient, createAdminClient } from '../../src/sdk/admin-client.ts'
import type { AuditLine } from '../../src/sdk/admin-contract.ts'
import { endServers, type ServerProcess, startServer } from '../support/server-process.ts'
import { makeSmallWorld, type SmallWorld } from '../support/small-world.ts'

const LIMITS = { concurrent: 4, queue: 4, wait: '1s' }
/** Of the flooded tenant: what is worked on at once, ten times over, and what waits. */
const CONNECTIONS = 60

let folder: string
let world: SmallWorld
let authority: ServerProcess
let gateway: ServerProcess
let port: number
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cs-overload-'))
  await chmod(folder, 0o711)
  world = await makeSmallWorld(folder, { authority: { limits: LIMITS }, others: ['other'] })
  authority = await startServer(folder, 'authority', { authority: world.authority })
  await authority.ready('authority')
  await world.apply()
  gateway = await startServer(folder, 'gateway', { gateway: { ...(await world.gateway()), limits: LIMITS } })
  port = Number((await gateway.ready('gateway'))['port'])
})
afterAll(async () => {
  await endServers()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
})

type Answer = {
  readonly status: number
  readonly retryAfter: string
  readonly body: { readonly [key: string]: unknown }
}

/** Asks from many connections at once, each again as soon as it was answered, for as long as `meanwhile` takes. */
async function flood(
  origin: string,
  path: string,
  type: string,
  body: string,
  meanwhile: () => Promise<void>,
): Promise<readonly Answer[]> {
  const pool = new Pool(origin, { connections: CONNECTIONS, pipelining: 1 })
  const answers: Answer[] = []
  let over = false
  const asking = Array.from({ length: CONNECTIONS }, async () => {
    while (!over) {
      const answer = await pool.request({ method: 'POST', path, headers: { 'content-type': type }, body })
      const retryAfter = String(answer.headers['retry-after'] ?? '')
      answers.push({
        status: answer.statusCode,
        retryAfter,
        body: (await answer.body.json()) as Answer['body'],
      })
    }
  })
  await meanwhile()
  over = true
  await Promise.all(asking)
  await pool.close()
  return answers
}

const FORM = 'application/x-www-form-urlencoded'

/** Everything of a tenant's log. */
async function logOf(tenant: string): Promise<readonly AuditLine[]> {
  const admin: AdminClient = createAdminClient({ socket: world.socket })
  const { events } = await admin.audit(tenant, { limit: '1000' })
  await admin.close()
  return events
}

const refusedIn = (events: readonly AuditLine[]) =>
  events
    .filter(({ reason }) => reason === 'http.limited')
    .reduce((sum, { facts }) => sum + Number(facts?.['refused']), 0)

describe('a flood of one tenant', () => {
  let limited = 0

  it('at the authority gets 429 and when to try again, before it is read; the other tenant is answered each time', async () => {
    const agent = await world.agent('other')
    const answers = await flood(world.origin, '/t/operator/token', FORM, '%', async () => {
      for (let times = 0; times < 25; times++)
        expect((await world.token(agent, 'other')).token).toMatch(/^ey/)
    })
    const refused = answers.filter(({ status }) => status === 429)
    limited += refused.length
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400, 429]))
    for (const { retryAfter, body } of refused) {
      expect(retryAfter).toMatch(/^[1-9]\d?$/)
      expect(body).toMatchObject({ error: 'temporarily_unavailable', reason: 'http.limited' })
    }
  }, 30_000)

  it('of a tenant that is not there, under ever new names, is one flood', async () => {
    const agent = await world.agent('other')
    let at = 0
    const statuses = new Set<number>()
    const one = async () => {
      const response = await fetch(`${world.origin}/t/none-${at++}/token`, {
        method: 'POST',
        headers: { 'content-type': FORM },
        body: 'a=b',
      })
      statuses.add(response.status)
      await response.arrayBuffer()
    }
    const floods = Array.from({ length: 5 }, () => Promise.all(Array.from({ length: CONNECTIONS }, one)))
    await world.token(agent, 'other')
    await Promise.all(floods)
    expect(statuses).toEqual(new Set([404, 429]))
  }, 30_000)

  it('at a gateway gets 429 in its own words; the other tenant’s calls are answered each time', async () => {
    const agent = await world.agent('other')
    const token = await world.token(agent, 'other')
    const answers = await flood(
      `http://127.0.0.1:${port}`,
      '/t/operator/mcp/tools',
      'application/json',
      '{}',
      async () => {
        for (let times = 0; times < 25; times++)
          expect(await world.call(agent, port, token, 'other')).toMatch(/upstream\./)
      },
    )
    const refused = answers.filter(({ status }) => status === 429)
    limited += refused.length
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]))
    for (const { retryAfter, body } of refused) {
      expect(retryAfter).toMatch(/^[1-9]\d?$/)
      expect(body).toMatchObject({ jsonrpc: '2.0', error: { code: 429, data: { reason: 'http.limited' } } })
    }
  }, 30_000)

  it('is in the tenant’s log as a sum, a few records for all of it, and in no other log', async () => {
    gateway.kill('SIGTERM')
    await gateway.ended
    authority.kill('SIGTERM')
    await authority.ended
    authority = await startServer(folder, 'authority', { authority: world.authority })
    await authority.ready('authority')
    gateway = await startServer(folder, 'gateway', {
      gateway: { ...(await world.gateway()), limits: LIMITS },
    })
    await gateway.ready('gateway')
    await vi.waitFor(async () => expect(refusedIn(await logOf('operator'))).toBe(limited), { timeout: 5000 })
    expect(limited).toBeGreaterThan(100)
    const sums = (await logOf('operator')).filter(({ reason }) => reason === 'http.limited')
    expect(sums.length).toBeLessThan(12)
    expect(refusedIn(await logOf('other'))).toBe(0)
  }, 30_000)
})
