/**
 * Long runs of what the tests run shortly: `npm run -s soak -- nonces [--clients 200] [--calls 1000000]`. Progress on stderr, one JSON line
 * on stdout: `{calls, crossed, sessions, seconds}`. Exits 1 if anything crossed.
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { echoNonces } from './nonces.ts'

function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('this is a whole number above 0')
  return Number(text)
}

async function nonces({ clients, calls }: { clients: number; calls: number }): Promise<void> {
  const began = performance.now()
  const progress = (done: number) => {
    const seconds = Math.round((performance.now() - began) / 1000)
    process.stderr.write(`${done} of ${calls} calls, ${seconds} s\n`)
  }
  const report = await echoNonces({ clients, calls, progress })
  process.stdout.write(`${JSON.stringify(report)}\n`)
  process.exitCode = report.crossed === 0 ? 0 : 1
}

const program = new Command('soak').exitOverride()
program
  .command('nonces')
  .description('many people at once, each with a nonce in each call: whether any hears what is not theirs')
  .option('--clients <n>', 'people at once', count, 200)
  .option('--calls <n>', 'calls of all of them together', count, 1_000_000)
  .action(nonces)

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? 0 : 2
}
