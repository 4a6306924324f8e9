/**
 *   npm run bench -- [part] [--json] [--short] [--profile <folder>]
 *
 * Each part with its baseline in one run. `part` is a part's name or the beginning of its figures' ids. A table for people on stdout, or
 * with --json one list; progress on stderr.
 */
import { parseArgs } from 'node:util'
import { exchange } from './exchange.ts'
import { endAll, leaveServerCore, pinned } from './processes.ts'
import { type Line, type Part, table } from './report.ts'

const PARTS: readonly Part[] = [exchange]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
})

const progress = (line: string) => void process.stderr.write(`${line}\n`)

function chosen(): readonly Part[] {
  const [wanted] = positionals
  if (wanted === undefined) return PARTS
  const found = PARTS.filter(({ ids }) => ids.some((id) => id === wanted || id.startsWith(`${wanted}.`)))
  if (found.length === 0)
    throw new Error(`no part is named ${wanted}: ${PARTS.flatMap(({ ids }) => ids).join(', ')}`)
  return found
}

async function main(): Promise<void> {
  leaveServerCore()
  progress(
    `Node ${process.version}; ${pinned ? 'the server under test on core 1, all else on core 0' : 'no taskset: processes are not pinned'}`,
  )
  const { profile, short } = values
  const lines: Line[] = []
  for (const part of chosen()) {
    lines.push(...(await part.run({ short, progress, ...(profile === undefined ? {} : { profile }) })))
  }
  process.stdout.write(values.json ? `${JSON.stringify(lines)}\n` : `${table(lines)}\n`)
}

// The parts' own ends run when what they talk to is gone.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, endAll)

await main()
