/** The process that `decide.*` measures: builds a registry, decides, and says the figures in one line. Arguments: what to measure, the size. */
import { announce } from '../examples/parts/announce.ts'
import { applyChanges } from '../src/core/apply-changes.ts'
import type { AccessRequest } from '../src/core/policy/access-request.ts'
import { decide } from '../src/core/policy/decide.ts'
import type { Snapshot } from '../src/core/snapshot.ts'
import { createRegistryView } from '../src/server/gateway-link/registry-view.ts'
import { engineOf } from './baselines/cedar-wasm.ts'
import { askOf } from './decide-ask.ts'
import { buildRegistry, PORTS, policyChange } from './decide-registry.ts'
import { NOW, policyText, question, type Size, shareOf, tenantAt } from './decide-world.ts'

const [job = '', sizes = '{}'] = process.argv.slice(2)
const size: Size & { readonly rounds: number } = JSON.parse(sizes)
const BATCH = 100
const arrived = (at: number): AccessRequest => JSON.parse(JSON.stringify(question(at, size)))

/** Questions come over a wire shortly before they are decided, and so do these; only deciding is measured. */
function run(snapshot: Snapshot, from: number, batches: number, each?: (ms: number) => void): number {
  let micros = 0
  for (let at = from; at < from + batches * BATCH; at += BATCH) {
    const asked = Array.from({ length: BATCH }, (_, n) => arrived(at + n))
    const before = process.threadCpuUsage()
    for (const ask of asked) {
      const began = each ? performance.now() : 0
      decide(ask, snapshot, NOW)
      each?.(performance.now() - began)
    }
    const { user, system } = process.threadCpuUsage(before)
    micros += user + system
  }
  return micros / (batches * BATCH)
}

const middle = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
const quantile = (values: readonly number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? 0

/** Microseconds of processor time for a decision: the middle of some rounds, each over other callers. */
function cost(snapshot: Snapshot): number {
  run(snapshot, 0, 300)
  return middle(Array.from({ length: 5 }, (_, round) => run(snapshot, (round + 1) * 1_000_000, size.rounds)))
}

function rate(snapshot: Snapshot) {
  const micros = cost(snapshot)
  const times: number[] = []
  run(snapshot, 9_000_000, size.rounds, (ms) => times.push(ms))
  const reasons: Record<string, number> = {}
  for (let at = 0; at < 10_000; at++) {
    const { reason } = decide(question(at, size), snapshot, NOW)
    reasons[reason] = (reasons[reason] ?? 0) + 1
  }
  return { micros, p50: quantile(times, 0.5), p99: quantile(times, 0.99), max: quantile(times, 1), reasons }
}

/** The same questions to Cedar's own engine; every answer must be the same. */
function baseline(snapshot: Snapshot) {
  const policies = Object.fromEntries(
    Array.from({ length: size.policies }, (_, at) => [`policy-${at}`, policyText(at, shareOf(size))]),
  )
  const engine = engineOf(policies)
  const count = Math.max(20, Math.min(1000, Math.round(200_000 / size.policies)))
  const asked = Array.from({ length: count }, (_, at) => question(at, size))
  const asks = asked.map((ask) => askOf(ask, snapshot))
  engine(asks[0] ?? askOf(question(0, size), snapshot))
  const before = process.threadCpuUsage()
  const answers = asks.map(engine)
  const { user, system } = process.threadCpuUsage(before)
  const wrong = asked.findIndex((ask, at) => (decide(ask, snapshot, NOW).outcome === 'allow') !== answers[at])
  if (wrong >= 0)
    throw new Error(`cedar-wasm answers question ${wrong} otherwise: ${JSON.stringify(asked[wrong])}`)
  return { baselineMicros: (user + system) / count, compared: count, allowed: answers.filter(Boolean).length }
}

const heap = () => {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

/** Bytes that the heap grew by for each agent and each policy. */
async function memory() {
  const bytes: Record<string, number> = {}
  let before = heap()
  await buildRegistry(size, (part) => {
    bytes[part] = heap() - before
    before = heap()
  })
  return { agent: (bytes['agents'] ?? 0) / size.agents, policy: (bytes['policies'] ?? 0) / size.policies }
}

/**
 * One policy after another changes in a gateway's view, as the feed tells it, while it decides without rest. `ms`: from the line's
 * arrival until a decision stands on it; `pause`: the longest time that no decision was finished.
 */
async function changes(built: Snapshot) {
  const view = createRegistryView(
    (from, changed) => (from.revision === 0 ? built : applyChanges(from, changed, PORTS)),
    () => performance.now(),
  )
  const listed = { tenants: [], revision: built.revision }
  view.take({ type: 'documents', changes: [], ...listed })
  for (let at = 0; at < 20_000; at++) decide(question(at, size), view.snapshot(), NOW)
  const took: number[] = []
  let [pause, last] = [0, performance.now()]
  for (let n = 0; n < 300; n++) {
    const [tenant, revision] = [tenantAt((n * 7919) % size.tenants), built.revision + n + 1]
    const line = JSON.stringify({
      type: 'changes',
      tenants: [],
      revision,
      changes: [policyChange(tenant, n % shareOf(size).policies, size, revision)],
    })
    const asked = Array.from({ length: 200 }, (_, at) => question(n * 200 + at, size))
    last = performance.now()
    const decided = () => {
      pause = Math.max(pause, performance.now() - last)
      last = performance.now()
    }
    for (const [at, ask] of asked.entries()) {
      if (at === 100) {
        const began = performance.now()
        view.take(JSON.parse(line))
        if (decide(ask, view.snapshot(), NOW).revision !== revision)
          throw new Error('the change was not decided by')
        took.push(performance.now() - began)
      } else decide(ask, view.snapshot(), NOW)
      decided()
    }
  }
  return { ms: quantile(took, 0.5), p99: quantile(took, 0.99), max: quantile(took, 1), pause }
}

if (job === 'memory') announce(await memory())
else {
  const snapshot = await buildRegistry(size)
  if (job === 'rate') announce({ ...rate(snapshot), ...baseline(snapshot) })
  if (job === 'cost') announce({ micros: cost(snapshot) })
  if (job === 'scale') announce({ micros: cost(snapshot), ...(await changes(snapshot)) })
}
process.exit()
