/**
 *   npm run mutants [-- name…] [--json]
 *
 * Takes each named guard out of a copy of the sources and runs the tests that should notice. Fails if they stay green.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import colors from 'picocolors'
import { ROOT } from '../source-files.ts'
import { copyRepository, copyWithout, guardNamed } from './copy.ts'
import type { Guard } from './guard.ts'
import { GUARDS } from './guards.ts'

type Result = {
  readonly guard: string
  readonly red: boolean
  readonly seconds: number
  readonly says: string
}

const PATIENCE_MS = 300_000

/** Runs the tests in the copy; red is what we want, and only failing tests count, not a run that could not start. */
function runTests(
  folder: string,
  tests: readonly string[],
): Promise<{ readonly failed: number; readonly out: string }> {
  return new Promise((resolve, reject) => {
    const argv = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--bail=1', ...tests]
    const child = spawn(process.execPath, argv, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: PATIENCE_MS,
    })
    let out = ''
    child.stdout.on('data', (chunk) => (out += chunk))
    child.stderr.on('data', (chunk) => (out += chunk))
    child.on('error', reject)
    child.on('close', () =>
      resolve({ failed: Number(/(\d+) passed, (\d+) failed/.exec(out)?.[2] ?? Number.NaN), out }),
    )
  })
}

/** The first test that failed, by name. */
function firstFailure(out: string): string {
  const plain = out.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '')
  return /FAIL\s+(.+)/.exec(plain)?.[1]?.trim() ?? ''
}

async function without(guard: Guard): Promise<Result> {
  const began = performance.now()
  const copy = await copyWithout(guard.name)
  try {
    const { failed, out } = await runTests(copy.folder, guard.tests)
    const seconds = Math.round((performance.now() - began) / 100) / 10
    if (Number.isNaN(failed))
      return { guard: guard.name, red: false, seconds, says: `the tests did not run: ${out.slice(-300)}` }
    const red = failed > 0
    return {
      guard: guard.name,
      red,
      seconds,
      says: red ? firstFailure(out) : `all green without it: ${guard.why}`,
    }
  } finally {
    await copy.remove()
  }
}

/** The same tests with every guard in place: a test that is red anyway proves nothing. */
async function baseline(guards: readonly Guard[]): Promise<string | undefined> {
  process.stderr.write(colors.dim('… with every guard in place\n'))
  const copy = await copyRepository()
  try {
    const { failed, out } = await runTests(copy.folder, [...new Set(guards.flatMap((guard) => guard.tests))])
    return failed === 0 ? undefined : firstFailure(out) || out.slice(-300)
  } finally {
    await copy.remove()
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  })
  const guards = positionals.length > 0 ? positionals.map(guardNamed) : GUARDS
  const red = await baseline(guards)
  if (red !== undefined) {
    console.error(`the tests are not green with every guard in place: ${red}`)
    return 1
  }
  const results: Result[] = []
  for (const guard of guards) {
    process.stderr.write(colors.dim(`… without ${guard.name}\n`))
    const result = await without(guard)
    results.push(result)
    const mark = result.red ? colors.green('red ') : colors.red('GREEN')
    if (!values.json)
      console.log(`${mark}  ${guard.name.padEnd(18)} ${String(result.seconds).padStart(6)} s  ${result.says}`)
  }
  const survived = results.filter(({ red }) => !red)
  if (values.json) console.log(JSON.stringify({ ok: survived.length === 0, guards: results }, null, 2))
  else
    console.log(
      `\n${results.length - survived.length} of ${results.length} guards are noticed when they are gone`,
    )
  return survived.length === 0 ? 0 : 1
}

process.exitCode = await main()
