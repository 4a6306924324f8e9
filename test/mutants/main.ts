/**
 * Takes each named guard out of a copy of the sources and looks whether a test notices: `npm run mutants [-- name…] [--json] [--jobs n]`.
 * Exits 0 only if every guard was missed.
 */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { type Copy, copyRepository, takeOut } from './copy.ts'
import type { Guard } from './guard.ts'
import { GUARDS, guardNamed } from './guards.ts'

/**
 * `missed`: a test failed without the guard, as one must. `not missed`: all stayed green. `broken`: the tests could not run, which says
 * nothing about the guard.
 */
type Outcome = {
  readonly guard: string
  readonly came: 'missed' | 'not missed' | 'broken'
  readonly by: string
  readonly ms: number
}

type Report = {
  readonly numTotalTests: number
  readonly numFailedTests: number
  readonly numPassedTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

const PATIENCE_MS = 300_000

async function runTests({ folder }: Copy, tests: readonly string[]): Promise<Report | undefined> {
  const out = join(folder, 'mutant-report.json')
  const vitest = join(folder, 'node_modules/vitest/vitest.mjs')
  const argv = [vitest, 'run', ...tests, '--reporter=json', `--outputFile=${out}`]
  await new Promise<void>((resolve, reject) => {
    const child = spawn(process.execPath, argv, { cwd: folder, stdio: 'ignore', timeout: PATIENCE_MS })
    child.once('error', reject)
    child.once('close', () => resolve())
  })
  const text = await readFile(out, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as Report)
}

/** A copy that names what isn't there breaks by itself, and its red tests would prove nothing. What is now unused is part of the cut. */
function firstUnknownName({ folder }: Copy): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>()
  const flags = ['--noEmit', '--noUnusedLocals', 'false', '--noUnusedParameters', 'false']
  const child = spawn(join(folder, 'node_modules/.bin/tsc'), flags, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.on('error', reject)
  child.on('close', () => resolve(/error TS(?:2304|2552|18004).*/.exec(out)?.[0]))
  return promise
}

async function tryWithout(guard: Guard): Promise<Outcome> {
  const began = performance.now()
  const copy = await copyRepository()
  try {
    await takeOut(guard, copy)
    const unsound = await firstUnknownName(copy)
    if (unsound)
      return { guard: guard.name, came: 'broken', by: unsound, ms: Math.round(performance.now() - began) }
    const report = await runTests(copy, guard.tests)
    return { guard: guard.name, ...judge(report, guard.tests), ms: Math.round(performance.now() - began) }
  } finally {
    await copy.remove()
  }
}

function judge(report: Report | undefined, tests: readonly string[]): Pick<Outcome, 'came' | 'by'> {
  if (!report || report.testResults.length < tests.length)
    return { came: 'broken', by: 'the tests did not run' }
  const failed = report.testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
  )
  if (failed[0] !== undefined) {
    return {
      came: 'missed',
      by: failed.length > 1 ? `${failed[0]} (and ${failed.length - 1} more)` : failed[0],
    }
  }
  const unread = report.testResults.find(({ status }) => status === 'failed')
  if (unread) return { came: 'broken', by: (unread.message ?? unread.name).split('\n')[0] ?? '' }
  return { came: 'not missed', by: `${report.numPassedTests} tests stayed green` }
}

/** What fails with every guard in place would seem to miss any of them. */
async function withNothingTakenOut(guards: readonly Guard[]): Promise<Outcome> {
  const began = performance.now()
  const tests = [...new Set(guards.flatMap((guard) => guard.tests))]
  const copy = await copyRepository()
  try {
    const { came, by } = judge(await runTests(copy, tests), tests)
    return { guard: '(none taken out)', came, by, ms: Math.round(performance.now() - began) }
  } finally {
    await copy.remove()
  }
}

async function each<T>(items: readonly T[], jobs: number, act: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  const work = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await act(item)
  }
  await Promise.all(Array.from({ length: jobs }, work))
}

function lineOf({ guard, came, by, ms }: Outcome): string {
  return `${guard.padEnd(22)} ${came.padEnd(11)} ${(ms / 1000).toFixed(1).padStart(6)} s  ${by.slice(0, 110)}`
}

type Options = { readonly json?: boolean; readonly jobs: string; readonly list?: boolean }

async function main(): Promise<number> {
  const program = new Command('mutants')
    .description('Takes each named guard out of a copy of the sources; a test must notice.')
    .argument('[guard...]', 'names; all of them when there is none')
    .option('--json', 'print one JSON document')
    .option('--jobs <n>', 'how many at a time', '2')
    .option('--list', 'only say which guards there are')
    .parse()
  const { json, jobs, list } = program.opts<Options>()
  const guards = program.args.length > 0 ? program.args.map((name) => guardNamed(name)) : GUARDS
  const say = (line: string) => void (json ? undefined : process.stdout.write(`${line}\n`))
  if (list) {
    for (const { name, why } of guards) process.stdout.write(`${name.padEnd(22)} ${why}\n`)
    return 0
  }
  const before = await withNothingTakenOut(guards)
  if (before.came !== 'not missed') {
    process.stderr.write(`mutants: the tests fail as they are: ${before.by}\n`)
    return 2
  }
  const outcomes: Outcome[] = []
  await each(guards, Math.max(1, Number(jobs) || 1), async (guard) => {
    const outcome = await tryWithout(guard)
    outcomes.push(outcome)
    say(lineOf(outcome))
  })
  const missed = outcomes.filter(({ came }) => came === 'missed').length
  const ok = missed === outcomes.length
  if (json) process.stdout.write(`${JSON.stringify({ ok, guards: outcomes }, null, 2)}\n`)
  say(`${missed} of ${outcomes.length} guards are missed when they are taken out`)
  return ok ? 0 : 1
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`mutants: ${error instanceof Error ? error.message : String(error)}\n`)
  return 2
})
