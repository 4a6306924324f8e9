import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ROOT } from '../examples/demo/folders.ts'
import { epochMillis } from '../src/core/time.ts'
import { type AuthorityClient, createAuthorityClient } from '../src/server/gateway-link/authority-client.ts'
import { openShippedJournal } from '../src/server/gateway-link/shipped-journal.ts'
import { randomId, randomSalt } from '../src/stores/postgres/store/random.ts'
import { type Called, call } from './callers.ts'
import { decisionDraft } from './events.ts'
import { evidenceOf } from './issuers.ts'
import { requireLogged } from './logged.ts'
import { cpuSeconds, startProcess } from './processes.ts'
import { type Line, type Part, type Run, round } from './report.ts'
import { inWorld, type World } from './world.ts'

type Counts = { readonly callers: number; readonly warmUp: number; readonly count: number }

const OTHERS = ['globex', 'initech', 'umbrella']
const TENANTS = ['acme', ...OTHERS]
/** Gateways that ship at once. */
const GATEWAYS = 2
const TARGET = '≥ 20000'

/** Durable audit events: as an authority records its own, and as it takes those that gateways ship, beside the barest grouped insert. */
export const append: Part = {
  ids: ['audit.append', 'audit.append.wall', 'audit.append.shipped'],
  run: (run) => {
    const counts = {
      callers: 1024,
      ...(run.short ? { warmUp: 20_000, count: 40_000 } : { warmUp: 50_000, count: 150_000 }),
    }
    return inWorld(run, { measured: true, others: OTHERS }, async (world) => {
      const recorded = ['audit.append', 'audit.append.wall'].some(run.wants)
        ? await recording(run, world, counts)
        : []
      const shipped = run.wants('audit.append.shipped') ? [await shipping(run, world, counts)] : []
      return [...recorded, ...shipped].filter(({ id }) => run.wants(id))
    })
  },
}

/** On the core of the server under test; PostgreSQL is on the other one. */
async function recording(run: Run, world: World, counts: Counts): Promise<readonly Line[]> {
  run.progress(`baseline of audit.append: ${counts.count} rows`)
  const baseline = await called(run, world, 'bench/baselines/grouped-insert.ts', counts)
  run.progress(`audit.append: ${counts.count} events in ${TENANTS.length} logs`)
  const ours = await called(run, world, 'bench/appending.ts', counts)
  await requireLogged(world.admin, logKeyOf(world), TENANTS, decisionsOf('a', counts))
  const line = (id: string, unit: string, of: 'perCpuSecond' | 'perSecond'): Line => ({
    id,
    value: round(ours[of]),
    unit,
    baseline: round(baseline[of]),
    ratio: round(ours[of] / baseline[of]),
    target: TARGET,
    p50: round(ours.p50),
    p99: round(ours.p99),
    max: round(ours.max),
  })
  return [
    line('audit.append', 'per CPU-second', 'perCpuSecond'),
    line('audit.append.wall', 'per second', 'perSecond'),
  ]
}

async function called(run: Run, { databaseUrl }: World, script: string, counts: Counts): Promise<Called> {
  const { callers, warmUp, count } = counts
  const args = [databaseUrl, TENANTS.join(','), ...[callers, warmUp, count].map(String)]
  const profiled = run.profile !== undefined && script.endsWith('appending.ts')
  const nodeArgs = profiled ? ['--cpu-prof', `--cpu-prof-dir=${run.profile}`] : []
  const started = await startProcess(join(ROOT, script), args, { measured: true, nodeArgs })
  await started.stop()
  return started.facts as unknown as Called
}

/**
 * Gateways' Journals in this process, each flushed to the disk before its caller goes on, shipped to the authority and committed there.
 * Measured is what the authority spent from the first event to the last one taken.
 */
async function shipping(run: Run, world: World, counts: Counts): Promise<Line> {
  const gateways = await Promise.all(Array.from({ length: GATEWAYS }, (_, at) => openGateway(world, at)))
  const taken = async () => {
    while (gateways.some(({ journal }) => journal.unshipped().records > 0)) await pause(5)
  }
  const record = (at: number) =>
    gateways[at % GATEWAYS]?.journal.record(decisionDraft(TENANTS, `dec_g${at}`, Math.floor(at / GATEWAYS)))
  const ship = async (from: number, count: number) => {
    await call((at) => Promise.resolve(record(from + at)), {
      callers: counts.callers,
      warmUp: count,
      count: 0,
    })
    await taken()
  }
  try {
    await ship(0, counts.warmUp)
    run.progress(`audit.append.shipped: ${counts.count} events from ${GATEWAYS} gateways`)
    const before = cpuSeconds(world.authority.pid)
    await ship(counts.warmUp, counts.count)
    const spent = cpuSeconds(world.authority.pid) - before
    await requireLogged(world.admin, logKeyOf(world), TENANTS, decisionsOf('g', counts))
    return {
      id: 'audit.append.shipped',
      value: round(counts.count / spent),
      unit: 'per CPU-second',
      target: TARGET,
    }
  } finally {
    for (const { journal, client } of gateways) {
      await journal.close()
      await client.close()
    }
  }
}

async function openGateway({ folder, cluster, origin }: World, at: number) {
  const [instance, evidence] = [`gw-${at}`, join(folder, `gateway-token-${at}`)]
  await writeFile(evidence, evidenceOf(cluster, 'countersign/gateway', instance, `${origin}/t/operator`))
  const ports = { now: () => epochMillis(Date.now()), monotonic: () => performance.now(), newId: randomId }
  const client: AuthorityClient = createAuthorityClient({ authority: origin, evidence, instance }, ports)
  const report = (fault: unknown) => void process.stderr.write(`${String(fault)}\n`)
  const limitMs = 60_000
  const journal = await openShippedJournal(join(folder, `journal-${at}`), limitMs, {
    ...ports,
    client,
    newSalt: randomSalt,
    report,
  })
  return { client, journal }
}

function logKeyOf({ authority }: World): string {
  return String(authority.facts['log_key'])
}

function decisionsOf(kind: string, { warmUp, count }: Counts): ReadonlySet<string> {
  return new Set(Array.from({ length: warmUp + count }, (_, at) => `dec_${kind}${at}`))
}
