/**
 * Generated cases against Cedar itself: `npm run -s fuzz -- decide --minutes 10 [--seed n]`. Progress on stderr, one JSON line on stdout:
 * `{cases, differences, seconds, seed}`. Exits 1 on a difference, which is shown as small as it gets, with the seed that makes it again.
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { openCedar } from '../../src/lib/cedar/cedar.ts'
import { runSeed } from './decide.ts'

type Options = { readonly minutes: number; readonly seed: number }

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 1440)) throw new InvalidArgumentError('minutes are a number above 0')
  return value
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a seed is a whole number below a billion')
  return Number(text)
}

/** Seeds one after the other until the time is over, or the first difference. At least one is run. */
async function fuzzDecide({ minutes, seed }: Options): Promise<number> {
  const cedar = openCedar({ patienceMs: 60_000 })
  const began = performance.now()
  const seconds = () => (performance.now() - began) / 1000
  const totals = { cases: 0, differences: 0 }
  let last = 0
  for (let at = seed; at === seed || seconds() < minutes * 60; at++) {
    const { cases, difference } = await runSeed(cedar, at)
    totals.cases += cases
    if (difference !== undefined) {
      totals.differences += 1
      process.stderr.write(`${difference}\n\nagain: npm run -s fuzz -- decide --minutes 0.01 --seed ${at}\n`)
      break
    }
    if (seconds() - last < 5) continue
    last = seconds()
    process.stderr.write(`${totals.cases} cases, no difference, ${Math.round(last)} of ${minutes * 60} s\n`)
  }
  await cedar.close()
  process.stdout.write(`${JSON.stringify({ ...totals, seconds: Math.round(seconds()), seed })}\n`)
  return totals.differences > 0 ? 1 : 0
}

async function main(args: readonly string[]): Promise<number> {
  let code = 2
  const program = new Command('fuzz').description('generated cases against Cedar itself').exitOverride()
  program
    .command('decide')
    .description('policies, schemas, entities and requests, and blended decisions')
    .option('--minutes <n>', 'for how long', positive, 1)
    .option(
      '--seed <n>',
      'where to begin; the same seed gives the same cases',
      whole,
      Date.now() % 1_000_000_000,
    )
    .action(async (options: Options) => {
      code = await fuzzDecide(options)
    })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    throw error
  }
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`fuzz: ${error instanceof Error ? (error.stack ?? error.message) : 'failed'}\n`)
  return 2
})
