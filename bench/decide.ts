import { join } from 'node:path'
import { ROOT } from '../examples/demo/folders.ts'
import type { Size } from './decide-world.ts'
import { startProcess } from './processes.ts'
import { type Line, type Part, type Run, round } from './report.ts'

const SUBJECT = join(ROOT, 'bench/decide-subject.ts')
const MANY_AGENTS = 100_000
const LARGE: Size = { tenants: 10_000, agents: 1_000_000, policies: 100_000 }
const SMALL: Size = { tenants: 10, agents: 1000, policies: 100 }
const RATES = [
  ['decide.10', 10],
  ['decide.1000', 1000],
  ['decide.10000', 10_000],
] as const
const MEMORY = ['decide.memory.agent', 'decide.memory.policy'] as const
const CHANGE = ['decide.change', 'decide.change.pause'] as const

/** The decision itself, in a process of its own: one core, no network, no store. */
export const decide: Part = {
  ids: [...RATES.map(([id]) => id), 'decide.scale', ...CHANGE, ...MEMORY],
  run: async (run) => {
    const lines: Line[] = []
    for (const [id, policies] of RATES) if (run.wants(id)) lines.push(await rate(run, id, policies))
    if (run.wants('decide.scale') || CHANGE.some(run.wants)) lines.push(...(await scale(run)))
    if (MEMORY.some(run.wants)) lines.push(...(await memory(run)))
    return lines.filter(({ id }) => run.wants(id))
  },
}

/** Decisions per second of processor time; the baseline is cedar-wasm for the same questions. */
async function rate(run: Run, id: string, policies: number): Promise<Line> {
  const agents = run.short ? 10_000 : MANY_AGENTS
  run.progress(`${id}: ${policies} policies, ${agents} agents of twenty attributes in groups three deep`)
  const found = await subject('rate', { tenants: 1, agents, policies }, run.short ? 200 : 1000)
  const figure = (key: string) => Number(found[key])
  run.progress(`${id}: ${JSON.stringify(found['reasons'])}`)
  run.progress(`${id}: cedar-wasm answered ${found['compared']} of these alike, ${found['allowed']} allowed`)
  const [value, baseline] = [1e6 / figure('micros'), 1e6 / figure('baselineMicros')]
  const times = { p50: fine(figure('p50')), p99: fine(figure('p99')), max: fine(figure('max')) }
  const target = '≥ 100000'
  return {
    id,
    value: round(value),
    unit: 'per CPU-second',
    baseline: round(baseline),
    ratio: round(value / baseline),
    target,
    ...times,
  }
}

/** Times in ms that are far below one. */
function fine(ms: number): number {
  return Math.round(ms * 10_000) / 10_000
}

async function scale(run: Run): Promise<readonly Line[]> {
  const large = run.short ? { tenants: 1000, agents: 100_000, policies: 10_000 } : LARGE
  run.progress(`decide.scale: ${JSON.stringify(SMALL)}, then ${JSON.stringify(large)}`)
  const [few, many] = [await subject('cost', SMALL, 1000), await subject('scale', large, 1000)]
  const [value, baseline] = [Number(many['micros']), Number(few['micros'])]
  const [ms, p99, max, pause] = ['ms', 'p99', 'max', 'pause'].map((key) => fine(Number(many[key])))
  const changed = { unit: 'ms', ...(p99 === undefined ? {} : { p99 }), ...(max === undefined ? {} : { max }) }
  return [
    {
      id: 'decide.scale',
      value: round(value),
      unit: 'µs',
      baseline: round(baseline),
      ratio: round(value / baseline),
      target: '≤ 1.5',
    },
    { id: 'decide.change', value: ms ?? Number.NaN, target: '≤ 50', ...changed },
    { id: 'decide.change.pause', value: pause ?? Number.NaN, unit: 'ms', target: '≤ 10' },
  ]
}

async function memory(run: Run): Promise<readonly Line[]> {
  const size = run.short ? { agents: 20_000, policies: 2000 } : { agents: MANY_AGENTS, policies: 10_000 }
  run.progress(`decide.memory: ${JSON.stringify(size)}`)
  const found = await subject('memory', { tenants: 1, ...size }, 0)
  return [
    { id: 'decide.memory.agent', value: round(Number(found['agent'])), unit: 'bytes', target: '≤ 1024' },
    { id: 'decide.memory.policy', value: round(Number(found['policy'])), unit: 'bytes', target: '≤ 8192' },
  ]
}

async function subject(job: string, size: Size, rounds: number): Promise<Readonly<Record<string, unknown>>> {
  const nodeArgs = ['--expose-gc', '--max-old-space-size=8000']
  const started = await startProcess(SUBJECT, [job, JSON.stringify({ ...size, rounds })], {
    measured: true,
    nodeArgs,
    readyWithinMs: 900_000,
  })
  await started.stop()
  return started.facts
}
