/**
 *   npm run bench -- [part] [--json] [--short] [--profile <folder>]
 *
 * Each part with its baseline in one run. `part` is a figure's id or the first word of it. A table for people on stdout, or
 * with --json one list; progress on stderr.
 */
import { parseArgs } from 'node:util'
import { append } from './append.ts'
import { authzen } from './authzen.ts'
import { decide } from './decide.ts'
import { exchange } from './exchange.ts'
import { mcp } from './mcp.ts'
import { overload } from './overload.ts'
import { endAll, leaveServerCore, pinned } from './processes.ts'
import { type Line, list, type Part, table } from './report.ts'
import { rest } from './rest.ts'

const PARTS: readonly Part[] = [decide, exchange, mcp, authzen, append, overload, rest]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
})

const progress = (line: string) => void process.stderr.write(`${line}\n`)

const [wanted = ''] = positionals
/** `exchange` is all of its figures, `exchange.warm` one of them. */
const wants = (id: string) =>
  wanted === '' || id === wanted || (!wanted.includes('.') && id.startsWith(`${wanted}.`))

async function main(): Promise<void> {
  leaveServerCore()
  progress(
    `Node ${process.version}; ${pinned ? 'the server under test on core 1, all else on core 0' : 'no taskset: processes are not pinned'}`,
  )
  const { profile, short } = values
  const lines: Line[] = []
  const parts = PARTS.filter(({ ids }) => ids.some(wants))
  if (parts.length === 0)
    throw new Error(`no figure is named ${wanted}: ${PARTS.flatMap(({ ids }) => ids).join(', ')}`)
  for (const part of parts) {
    lines.push(...(await part.run({ short, wants, progress, ...(profile === undefined ? {} : { profile }) })))
  }
  process.stdout.write(values.json ? `${list(lines)}\n` : `${table(lines)}\n`)
}

// The parts' own ends run when what they talk to is gone.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, endAll)

await main()
