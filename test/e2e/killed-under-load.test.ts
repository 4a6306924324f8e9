import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { AuditEvent } from '../../src/core/audit/audit-event.ts'
import { createAdminClient } from '../../src/sdk/admin-client.ts'
import { readLines } from '../../src/sdk/read-lines.ts'
import { verifyExport } from '../../src/sdk/verify-export.ts'
import { readPidFile } from '../../src/stores/postgres/embedded/postmaster-pid.ts'
import { endServers, familyOf, type ServerProcess, startServer } from '../support/server-process.ts'
import { makeSmallWorld, type SmallWorld } from '../support/small-world.ts'

/** Of each kind of answer there are so many before everything is killed. */
const ANSWERS = 150

let folder: string
let world: SmallWorld
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cs-killed-'))
  await chmod(folder, 0o711)
  world = await makeSmallWorld(folder)
})
afterAll(async () => {
  await endServers()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
})

type Running = {
  readonly authority: ServerProcess
  readonly gateway: ServerProcess
  readonly port: number
  readonly logKey: string
}

async function start(): Promise<Running> {
  const authority = await startServer(folder, 'authority', { authority: world.authority })
  const { log_key: logKey } = await authority.ready('authority')
  await world.apply()
  const gateway = await startServer(folder, 'gateway', { gateway: await world.gateway() })
  const { port } = await gateway.ready('gateway')
  return { authority, gateway, port: Number(port), logKey: String(logKey) }
}

/** Asks again and again, each time keeping what was acknowledged, until nobody answers any more. */
async function untilSilent(ask: () => Promise<string>, acknowledged: Set<string>): Promise<void> {
  for (;;) {
    const answer = await ask().catch(() => undefined)
    if (answer === undefined) return
    acknowledged.add(answer)
  }
}

function jtiOf(token: string): string {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }
  return claims.jti
}

/** The decision that an answer of the gateway stands on; the server behind is not there, so none is a result. */
function decisionOf(answer: string): string {
  const decision = /"decision":"(dec_[a-z0-9]+)"/.exec(answer)?.[1]
  if (decision === undefined) throw new Error(`an answer without a decision: ${answer}`)
  return decision
}

/** Everything at once, as when a machine's processes die: nobody gets to say goodbye to anybody. */
async function killAll({ authority, gateway }: Running): Promise<void> {
  const postmaster = (await readPidFile(join(folder, 'postgres', 'cluster')))?.pid ?? 0
  for (const pid of [gateway.pid, authority.pid, ...familyOf(postmaster)]) process.kill(pid, 'SIGKILL')
  await Promise.all([authority.ended, gateway.ended])
}

/** The tenant's log as a verifier gets it, and what its check came to. */
async function exported(logKey: string) {
  const client = createAdminClient({ socket: world.socket })
  const events: AuditEvent[] = []
  const kept = async function* (lines: AsyncIterable<string>) {
    for await (const line of lines) {
      const { leaf } = JSON.parse(line) as { leaf?: string }
      if (leaf !== undefined) events.push(JSON.parse(leaf) as AuditEvent)
      yield line
    }
  }
  const verified = await verifyExport(kept(readLines(await client.exportAudit('operator'))), { logKey })
  await client.close()
  return { events, verified }
}

const named = (events: readonly AuditEvent[], kind: AuditEvent['kind'], field: 'token' | 'decision') =>
  events.flatMap((event) => (event.kind === kind && event[field] !== undefined ? [event[field]] : []))

it('gateway, authority and database killed under load: every record that was acknowledged is there once, in order', async () => {
  const first = await start()
  const agent = await world.agent()
  const token = await world.token(agent)
  const [tokens, calls] = [new Set<string>(), new Set<string>()]
  const asking = [
    ...Array.from({ length: 6 }, () =>
      untilSilent(async () => jtiOf((await world.token(agent)).token), tokens),
    ),
    ...Array.from({ length: 10 }, () =>
      untilSilent(async () => decisionOf(await world.call(agent, first.port, token)), calls),
    ),
  ]
  await vi.waitFor(() => expect(Math.min(tokens.size, calls.size)).toBeGreaterThan(ANSWERS), {
    timeout: 15_000,
  })
  await killAll(first)
  await Promise.all(asking)

  const second = await start()
  await vi.waitFor(
    async () => {
      const { events } = await exported(second.logKey)
      expect(named(events, 'outcome', 'decision')).toEqual(expect.arrayContaining([...calls]))
    },
    { timeout: 10_000, interval: 200 },
  )
  const { events, verified } = await exported(second.logKey)
  expect(verified).toMatchObject({ ok: true })
  expect(events.filter(({ kind }) => kind === 'alarm')).toEqual([])
  for (const [kind, field, acknowledged] of [
    ['issue', 'token', tokens],
    ['decision', 'decision', calls],
    ['outcome', 'decision', calls],
  ] as const) {
    const found = named(events, kind, field).filter((each) => acknowledged.has(each))
    expect(found.toSorted(), `${kind} events`).toEqual([...acknowledged].toSorted())
  }
  // Whoever numbered: from 1 on, without a gap, in the order of the log.
  const numbers = new Map<string, number[]>()
  for (const { recorder, n } of events) numbers.set(recorder, [...(numbers.get(recorder) ?? []), n])
  expect(numbers.size).toBe(3)
  for (const list of numbers.values()) expect(list).toEqual(list.map((_, at) => at + 1))
}, 60_000)
