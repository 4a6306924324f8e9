import { Pool } from 'undici'
import { cpuSeconds } from './processes.ts'

/** One request of a run, made before it. */
export type Shot = {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What a run cost and gave. A shot may be several requests; the times are of a whole shot, in ms. */
export type Measured = {
  readonly perCpuSecond: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  readonly answers: readonly string[]
}

/** Does the shot with this index and gives its answer's body. Throws when it is not what was asked for. */
export type Fire = (pool: Pool, at: number) => Promise<string>

const IN_FLIGHT = 64

/** Posts one request; anything but 200 ends the run with what was answered. */
export async function post(pool: Pool, shot: Shot): Promise<string> {
  const { statusCode, body } = await pool.request({ ...shot, method: 'POST' })
  const text = await body.text()
  if (statusCode !== 200) throw new Error(`${shot.path} answered ${statusCode}: ${text.slice(0, 300)}`)
  return text
}

/** Three rounds: others on the machine disturb one of them more often than two. */
const ROUNDS = 3

/**
 * Does shots `from` to `to` with a fixed number in flight, and measures what the process `pid` spent on them: the figure is the middle
 * one of the rounds. The first shots, which warm the server up, are run apart.
 */
export async function measure(
  origin: string,
  pid: number,
  fire: Fire,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Measured> {
  const pool = new Pool(origin, { connections: IN_FLIGHT, pipelining: 1 })
  const times: number[] = []
  const answers: string[] = []
  const rates: number[] = []
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const [first, last] = [round, round + 1].map((at) => from + Math.round(((to - from) * at) / ROUNDS))
      const before = cpuSeconds(pid)
      const done = await volley(pool, fire, first ?? from, last ?? to)
      rates.push(done.times.length / (cpuSeconds(pid) - before))
      times.push(...done.times)
      answers.push(...done.answers)
    }
  } finally {
    await pool.destroy()
  }
  times.sort((a, b) => a - b)
  const quantile = (share: number) => times[Math.ceil(times.length * share) - 1] ?? 0
  const [p50, p99, max] = [quantile(0.5), quantile(0.99), quantile(1)]
  return { perCpuSecond: rates.toSorted((a, b) => a - b)[1] ?? 0, p50, p99, max, answers }
}

async function volley(pool: Pool, fire: Fire, from: number, to: number) {
  const times: number[] = []
  const answers: string[] = []
  let next = from
  const worker = async () => {
    for (let at = next++; at < to; at = next++) {
      const began = performance.now()
      answers.push(await fire(pool, at))
      times.push(performance.now() - began)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  return { times, answers }
}
