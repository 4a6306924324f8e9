import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Line, type Part, type Run, round } from './report.ts'
import { inWorld, serve, startGateway, type World } from './world.ts'

/** What the product costs while nobody asks anything: the time of a start, and memory. */
export const rest: Part = {
  ids: ['start.warm', 'memory.idle'],
  run: (run) =>
    inWorld(run, { measured: true, ownDatabase: true }, async (world) => {
      const memory = run.wants('memory.idle') ? [await idleMemory(run, world)] : []
      return run.wants('start.warm') ? [await warmStart(run, world), ...memory] : memory
    }),
}

/** Spawn to first answer of an authority, its own PostgreSQL included, on a folder that another one left in order. */
async function warmStart(run: Run, world: World): Promise<Line> {
  const times: number[] = []
  let authority = world.authority
  for (let round = 0; round < (run.short ? 2 : 7); round++) {
    await authority.stop()
    run.progress('starting the authority again')
    const began = performance.now()
    const starting = serve(run, world.config, { measured: true })
    await Promise.race([firstAnswer(world), starting.then(() => firstAnswer(world))])
    times.push(performance.now() - began)
    authority = await starting
  }
  await authority.stop()
  const sorted = times.toSorted((a, b) => a - b)
  const [p50 = 0, max = 0] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)]
  return {
    id: 'start.warm',
    value: round(p50),
    unit: 'ms',
    target: '≤ 2000',
    p50: round(p50),
    max: round(max),
  }
}

const ANSWER_WITHIN_MS = 30_000

async function firstAnswer({ issuer }: World): Promise<void> {
  const until = performance.now() + ANSWER_WITHIN_MS
  while (performance.now() < until) {
    const response = await fetch(`${issuer}/jwks.json`).catch(() => undefined)
    if (response?.ok) return
    await pause(5)
  }
  throw new Error('the authority did not answer in time')
}

/** All our processes, each page divided by how many share it (PSS): authority, gateway, and every process of PostgreSQL. */
async function idleMemory(run: Run, world: World): Promise<Line> {
  const gateway = await startGateway(run, world, {})
  try {
    run.progress('idling')
    await pause(run.short ? 3000 : 10_000)
    const postmaster = Number(
      readFileSync(join(world.folder, 'postgres/cluster/postmaster.pid'), 'utf8').split('\n')[0],
    )
    const pids = withDescendants([world.authority.pid, gateway.pid, postmaster])
    const total = [...pids].reduce((sum, pid) => sum + pssOf(pid), 0)
    const parts = [world.authority.pid, gateway.pid].map((pid) => Math.round(pssOf(pid)))
    run.progress(`${pids.size} processes; MiB of the authority and the gateway: ${parts.join(', ')}`)
    return { id: 'memory.idle', value: round(total), unit: 'MiB', target: '≤ 256' }
  } finally {
    await gateway.stop()
  }
}

function withDescendants(roots: readonly number[]): ReadonlySet<number> {
  const found = new Set(roots)
  const parents = new Map(processes().map((pid) => [pid, parentOf(pid)]))
  for (let before = -1; before !== found.size; ) {
    before = found.size
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid)
  }
  return found
}

function processes(): readonly number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}

function parentOf(pid: number): number {
  const line = /^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))
  return Number(line?.[1] ?? 0)
}

/** MiB. */
function pssOf(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) / 1024
}

/** Empty when the process has ended since it was listed. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
