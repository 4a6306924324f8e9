import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Pool } from 'undici'
import { ROOT } from '../examples/demo/folders.ts'
import { evidenceOf } from './issuers.ts'
import { type Fire, type Measured, measure, post, type Shot } from './load.ts'
import { startProcess } from './processes.ts'
import { beside, type Line, type Part, type Run } from './report.ts'
import { accessTokenIn, bearer, JWT_BEARER } from './tokens.ts'
import { inWorld, USERS, userSub, type World } from './world.ts'

/** Requests measured, and before them, not measured, until the code is compiled. */
type Counts = { readonly warmUp: number; readonly count: number }
/** Questions in one request of `authzen.evaluations`. */
const IN_ONE = 32

/** Questions of an application that guards its own objects, beside a server that only reads and writes the same JSON. */
export const authzen: Part = {
  ids: ['authzen.evaluation', 'authzen.evaluations'],
  run: async (run) => {
    const single = run.short ? { warmUp: 1500, count: 3000 } : { warmUp: 4000, count: 12_000 }
    const batch = run.short ? { warmUp: 100, count: 200 } : { warmUp: 300, count: 900 }
    const files = {
      'notes.yaml': await config('notes.yaml'),
      'policies/notes.cedar': await config('notes.cedar'),
    }
    return inWorld(run, { measured: true, files }, async (world) => {
      const lines: Line[] = []
      for (const [id, each, counts] of [
        ['authzen.evaluation', 1, single],
        ['authzen.evaluations', IN_ONE, batch],
      ] as const) {
        if (!run.wants(id)) continue
        const baseline = await echoed(run, id, each, counts)
        lines.push(beside(id, await asked(run, world, id, each, counts), baseline, ''))
      }
      return lines
    })
  },
}

function config(name: string): Promise<string> {
  return readFile(join(ROOT, 'bench/config', name), 'utf8')
}

/** Three of four are about the user's own note. */
const isOwn = (at: number) => at % 4 !== 0

function question(at: number): object {
  const owner = `c-${isOwn(at) ? at % USERS : 'nobody'}`
  return {
    subject: { type: 'user', id: userSub(at) },
    action: { name: 'read' },
    resource: { type: 'note', id: `note-${at}`, properties: { owner } },
  }
}

function shotOf(at: number, each: number, path: string, token: string): Shot {
  const questions = Array.from({ length: each }, (_, nth) => question(at * each + nth))
  const body = JSON.stringify(each === 1 ? questions[0] : { evaluations: questions })
  return { path, headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }, body }
}

function answerTo(at: number, each: number): string {
  const decisions = Array.from({ length: each }, (_, nth) => ({ decision: isOwn(at * each + nth) }))
  return JSON.stringify(each === 1 ? decisions[0] : { evaluations: decisions })
}

/** Every answer must be right, and every question in the audit. */
async function asked(run: Run, world: World, id: string, each: number, counts: Counts): Promise<Measured> {
  const token = await tokenOf(world)
  const path = `/t/acme/access/v1/${each === 1 ? 'evaluation' : 'evaluations'}`
  const before = (await world.admin.checkpoint('acme')).size
  run.progress(`${id}: ${counts.count * each} evaluations`)
  const fire: Fire = async (pool, at) => {
    const answer = await post(pool, shotOf(at, each, path, token))
    if (answer !== answerTo(at, each)) throw new Error(`request ${at} was answered ${answer.slice(0, 200)}`)
    return answer
  }
  const measured = await warmed(world.origin, world.authority.pid, fire, each, counts)
  const recorded = (await world.admin.checkpoint('acme')).size - before
  const total = (counts.warmUp + counts.count) * each
  if (recorded !== total) throw new Error(`${total} questions left ${recorded} records`)
  return measured
}

async function echoed(run: Run, id: string, each: number, { warmUp, count }: Counts): Promise<Measured> {
  const server = await startProcess(join(ROOT, 'bench/baselines/json-echo.ts'), [], { measured: true })
  // Its answers are so short that the clock of processor time needs more of them.
  const counts = { warmUp, count: 4 * count }
  run.progress(`baseline of ${id}: ${counts.count} requests`)
  const fire: Fire = (pool, at) => post(pool, shotOf(at, each, '/', 'none'))
  try {
    return await warmed(String(server.facts['origin']), server.pid, fire, each, counts)
  } finally {
    await server.stop()
  }
}

/** Evaluations, not requests, per second of processor time. */
async function warmed(
  origin: string,
  pid: number,
  fire: Fire,
  each: number,
  { warmUp, count }: Counts,
): Promise<Measured> {
  await measure(origin, pid, fire, { from: 0, to: warmUp })
  const measured = await measure(origin, pid, fire, { from: warmUp, to: warmUp + count })
  return { ...measured, perCpuSecond: measured.perCpuSecond * each }
}

/** A bearer's token for asking: this agent's entry lets it be one, since each proof costs a signature check. */
async function tokenOf(world: World): Promise<string> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: JWT_BEARER,
    client_assertion: evidenceOf(world.cluster, 'support/desk', 'desk-1', world.issuer),
    resource: `${world.gatewayOrigin}/t/acme/authzen/authzen`,
  })
  const pool = new Pool(world.origin)
  try {
    return accessTokenIn(await post(pool, bearer(form.toString())))
  } finally {
    await pool.destroy()
  }
}
