/**
 * Changes each statement of the areas in turn and looks whether a test notices: `npm run mutation [-- what…] [--json] [--jobs n]`.
 * Works in a copy of the repository, a few files at a time. What a test noticed in a run before is not tried again while the source stays the same,
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

/** Beside the packages, outside git: what was tried in each area, so that a run that was stopped goes on where it was. */
const KEPT = join(ROOT, 'node_modules', '.cache', 'mutation')
/** Files that are tried in one go. More would start faster, and lose more when they are stopped. */
const PART = 3

type Options = { readonly json?: boolean; readonly jobs: string; readonly force?: boolean }
type FileResult = { readonly file: string; readonly report: Report; readonly score: Score }

function sourcesOf({ sources, but = [] }: Area): readonly string[] {
  return sources
    .flatMap((folder) => filesUnder(folder))
    .filter((file) => file.endsWith('.ts') && !/\.(test|fixture)\.ts$/.test(file))
    .map((file) => relative(ROOT, file))
    .filter((file) => !but.some((folder) => file.startsWith(folder)))
}

const keptFor = ({ name }: Area, what: 'tried' | 'report'): string => join(KEPT, `${name}.${what}.json`)

/** Stryker's own options. It writes into the copy, so it needs no sandbox of its own. */
function optionsFor(area: Area, files: readonly string[], { jobs, force }: Options): object {
  return {
    mutate: files,
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'test/mutation/vitest.config.ts', related: false, pool: 'threads' },
    inPlace: true,
    incremental: true,
    incrementalFile: keptFor(area, 'tried'),
    force: force === true,
    reporters: ['json'],
    jsonReporter: { fileName: keptFor(area, 'report') },
    concurrency: Math.max(1, Number(jobs) || 1),
    // Slow is not for ever: a machine may have other things to do.
    timeoutMS: 20_000,
    timeoutFactor: 3,
    allowEmpty: true,
    fileLogLevel: 'off',
    logLevel: 'warn',
    warnings: { slow: false },
  }
}

/** A better test may notice what went unnoticed, also where Stryker can't tell that it would: all of that is tried again. */
async function forgetUnnoticed(area: Area, among: readonly string[]): Promise<void> {
  const path = keptFor(area, 'tried')
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return
  const tried = JSON.parse(text) as Report
  const files = Object.entries(tried.files).map(([name, one]) => {
    return [name, among.includes(name) ? { ...one, mutants: one.mutants.filter(isNoticed) } : one]
  })
  await writeFile(path, JSON.stringify({ ...tried, files: Object.fromEntries(files) }))
}

async function tryFiles(
  copy: Copy,
  area: Area,
  files: readonly string[],
  options: Options,
): Promise<readonly FileResult[]> {
  await forgetUnnoticed(area, files)
  const config = join(copy.folder, 'stryker.conf.json')
  await writeFile(config, JSON.stringify(optionsFor(area, files, options)))
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
  if (code !== 0) throw new Error(`Stryker ended with ${code} at ${files.join(', ')}`)
  const whole = JSON.parse(await readFile(keptFor(area, 'report'), 'utf8')) as Report
  return files.map((file) => {
    const found = whole.files[file]
    return { file, report: { files: found ? { [file]: found } : {} }, score: scoreOf(found?.mutants ?? []) }
  })
}

const said = (score: Score) =>
  `${percent(score).toFixed(1).padStart(5)} %  ${String(score.noticed).padStart(4)} of ${String(score.counted).padStart(4)}`

/** An area is asked for by its name, a file by a part of its path. */
function isWanted({ name }: Area, file: string, asked: readonly string[]): boolean {
  const names = AREAS.map((area) => area.name)
  return (
    asked.length === 0 ||
    asked.includes(name) ||
    asked.some((part) => !names.includes(part) && file.includes(part))
  )
}

async function main(): Promise<number> {
  const program = new Command('mutation')
    .description('Changes each statement of the areas in turn; a test must notice.')
    .argument('[what...]', 'names of areas, or parts of paths; all of it when there is none')
    .option('--json', 'print one JSON document')
    .option('--jobs <n>', 'how many mutants at a time', '2')
    .option('--force', 'try again also what did not change')
    .parse()
  const options = program.opts<Options>()
  const say = (line: string) => void (options.json ? undefined : process.stdout.write(`${line}\n`))
  await mkdir(KEPT, { recursive: true })
  const copy = await copyRepository()
  try {
    const areas: { readonly area: Area; readonly results: readonly FileResult[] }[] = []
    for (const area of AREAS) {
      const results: FileResult[] = []
      const files = sourcesOf(area).filter((file) => isWanted(area, file, program.args))
      for (let at = 0; at < files.length; at += PART) {
        const part = await tryFiles(copy, area, files.slice(at, at + PART), options)
        results.push(...part)
        for (const { file, score, report } of part) {
          say(`${said(score)}  ${file}`)
          for (const line of unnoticed(report)) say(`    ${line}`)
        }
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
