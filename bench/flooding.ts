/** Asks for tokens from so many connections at once, each asking again as soon as it was answered, until it is ended; then it writes down what came of it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { Pool } from 'undici'
import { announce } from '../examples/parts/announce.ts'
import { FORM } from './tokens.ts'

/** What a flood came to: tokens, and refusals. */
export type Flooded = {
  readonly tokens: readonly string[]
  readonly limited: number
  readonly withoutRetryAfter: number
  readonly others: readonly string[]
}

const [origin = '', path = '', bodies = '', connections, result = ''] = process.argv.slice(2)
const shots = JSON.parse(readFileSync(bodies, 'utf8')) as readonly string[]
// It shares its core with PostgreSQL and the caller that is measured.
setPriority(10)

const pool = new Pool(origin, { connections: Number(connections), pipelining: 1 })
const tokens: string[] = []
const others: string[] = []
let [limited, withoutRetryAfter, at, ending] = [0, 0, 0, false]

async function ask(): Promise<void> {
  const headers = { 'content-type': FORM }
  const answer = await pool.request({ path, method: 'POST', headers, body: shots[at++ % shots.length] ?? '' })
  const text = await answer.body.text()
  if (answer.statusCode === 200) return void tokens.push(text)
  if (answer.statusCode !== 429) return void others.push(`${answer.statusCode} ${text.slice(0, 200)}`)
  limited += 1
  if (!/^[1-9]\d*$/.test(String(answer.headers['retry-after']))) withoutRetryAfter += 1
}

const flood = Array.from({ length: Number(connections) }, async () => {
  while (!ending) await ask().catch((error: unknown) => void others.push(String(error)))
})
process.once('SIGTERM', async () => {
  ending = true
  await Promise.all(flood)
  writeFileSync(result, JSON.stringify({ tokens, limited, withoutRetryAfter, others } satisfies Flooded))
  process.exit(0)
})
process.stdin.on('error', () => process.exit(1)).resume()
announce({})
