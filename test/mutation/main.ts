/**
 * Changes each statement of the areas in turn and looks whether a test notices: `npm run mutation [-- path…] [--json] [--jobs n]`.
 * Works in a copy of the repository, file by file. What a test noticed in a run before is not tried again while the source stays the same,
 * unless `--force`. Exits 0 only if every area reaches its least.
 */
import { spawn } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { Command } from 'commander'
import { type Copy, copyRepository } from '../mutants/copy.ts'
import { filesUnder, ROOT } from '../source-files.ts'
import { AREAS, type Area } from './areas.ts'
import { isNoticed, percent, type Report, type Score, scoreOf, sum, unnoticed } from './score.ts'

/** Beside the sources, outside git: one file for each that was tried, so that a run that was stopped goes on. */
const KEPT = join(ROOT, 'node_modules', '.cache', 'mutation')

type Options = { readonly json?: boolean; readonly jobs: string; readonly force?: boolean }
type FileResult = { readonly file: string; readonly report: Report; readonly score: Score }

function sourcesOf({ sources }: Area): readonly string[] {
  return sources
    .flatMap((folder) => filesUnder(folder))
    .filter((file) => file.endsWith('.ts') && !/\.(test|fixture)\.ts$/.test(file))
    .map((file) => relative(ROOT, file))
}

function keptFor(file: string, what: 'tried' | 'report'): string {
  return join(KEPT, `${file.replaceAll('/', '+')}.${what}.json`)
}

/** Stryker's own options. It writes into the copy, so it needs no sandbox of its own. */
function optionsFor(file: string, { jobs, force }: Options): object {
  return {
    mutate: [file],
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'test/mutation/vitest.config.ts', related: true, pool: 'threads' },
    inPlace: true,
    incremental: true,
    incrementalFile: keptFor(file, 'tried'),
    force: force === true,
    reporters: ['json'],
    jsonReporter: { fileName: keptFor(file, 'report') },
    concurrency: Math.max(1, Number(jobs) || 1),
    // The machine is shared and slow tests are not the mutant's doing: only what runs for ever is out of time.
    timeoutMS: 10_000,
    timeoutFactor: 3,
    allowEmpty: true,
    fileLogLevel: 'off',
    logLevel: 'warn',
    warnings: { slow: false },
  }
}

/** A better test may notice what went unnoticed, also where Stryker can't tell that it would: all of that is tried again. */
async function forgetUnnoticed(file: string): Promise<void> {
  const path = keptFor(file, 'tried')
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return
  const tried = JSON.parse(text) as Report
  const files = Object.entries(tried.files).map(([name, one]) => [
    name,
    { ...one, mutants: one.mutants.filter(isNoticed) },
  ])
  await writeFile(path, JSON.stringify({ ...tried, files: Object.fromEntries(files) }))
}

async function tryFile(copy: Copy, area: Area, file: string, options: Options): Promise<FileResult> {
  await forgetUnnoticed(file)
  const config = join(copy.folder, 'stryker.conf.json')
  await writeFile(config, JSON.stringify(optionsFor(file, options)))
  const stryker = join(copy.folder, 'node_modules/@stryker-mutator/core/bin/stryker.js')
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  const child = spawn(process.execPath, [stryker, 'run', config], {
    cwd: copy.folder,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, MUTATION_TESTS: JSON.stringify(area.tests) },
  })
  child.once('error', reject)
  child.once('close', resolve)
  const code = await promise
  if (code !== 0) throw new Error(`Stryker ended with ${code} at ${file}`)
  const report = JSON.parse(await readFile(keptFor(file, 'report'), 'utf8')) as Report
  return { file, report, score: scoreOf(Object.values(report.files).flatMap(({ mutants }) => mutants)) }
}

const said = (score: Score) =>
  `${percent(score).toFixed(1).padStart(5)} %  ${String(score.noticed).padStart(4)} of ${String(score.counted).padStart(4)}`

async function main(): Promise<number> {
  const program = new Command('mutation')
    .description('Changes each statement of the areas in turn; a test must notice.')
    .argument('[path...]', 'only files whose path contains one of these')
    .option('--json', 'print one JSON document')
    .option('--jobs <n>', 'how many mutants at a time', '2')
    .option('--force', 'try again also what did not change')
    .parse()
  const options = program.opts<Options>()
  const wanted = (file: string) =>
    program.args.length === 0 || program.args.some((part) => file.includes(part))
  const say = (line: string) => void (options.json ? undefined : process.stdout.write(`${line}\n`))
  await mkdir(KEPT, { recursive: true })
  const copy = await copyRepository()
  try {
    const areas: { readonly area: Area; readonly results: readonly FileResult[] }[] = []
    for (const area of AREAS) {
      const results: FileResult[] = []
      for (const file of sourcesOf(area).filter(wanted)) {
        const result = await tryFile(copy, area, file, options)
        results.push(result)
        say(`${said(result.score)}  ${file}`)
        for (const line of unnoticed(result.report)) say(`    ${line}`)
      }
      if (results.length > 0) areas.push({ area, results })
    }
    return conclude(areas, options, say)
  } finally {
    await copy.remove()
  }
}

function conclude(
  areas: readonly { readonly area: Area; readonly results: readonly FileResult[] }[],
  { json }: Options,
  say: (line: string) => void,
): number {
  const concluded = areas.map(({ area: { name, least }, results }) => {
    const score = sum(results.map((result) => result.score))
    return { name, least, ...score, percent: percent(score), ok: percent(score) >= least, results }
  })
  for (const { name, least, ok, ...score } of concluded)
    say(`${said(score)}  ${name}: ${ok ? 'enough' : `too few, ${least} % must be noticed`}`)
  const ok = concluded.length > 0 && concluded.every((area) => area.ok)
  if (json) {
    const shown = concluded.map(({ results, ...area }) => ({
      ...area,
      files: results.map(({ file, score, report }) => ({ file, ...score, unnoticed: unnoticed(report) })),
    }))
    process.stdout.write(`${JSON.stringify({ ok, areas: shown }, null, 2)}\n`)
  }
  return ok ? 0 : 1
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`mutation: ${error instanceof Error ? error.message : String(error)}\n`)
  return 2
})
