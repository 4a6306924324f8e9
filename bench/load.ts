import { Pool } from 'undici'
import { cpuSeconds } from './processes.ts'

/** One request of a run, made before it. */
export type Shot = {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What a run cost and gave. `shots` may be several requests each; the times are of a whole shot, in ms. */
export type Measured = {
  readonly count: number
  readonly seconds: number
  readonly cpu: number
  readonly perCpuSecond: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  readonly answers: readonly string[]
}

/** Does the shot with this index and gives its answer's body. Throws when it is not what was asked for. */
export type Fire = (pool: Pool, at: number) => Promise<string>

export const IN_FLIGHT = 64

/** Posts one request; anything but 200 ends the run with what was answered. */
export async function post(pool: Pool, shot: Shot): Promise<string> {
  const { statusCode, body } = await pool.request({ ...shot, method: 'POST' })
  const text = await body.text()
  if (statusCode !== 200) throw new Error(`${shot.path} answered ${statusCode}: ${text.slice(0, 300)}`)
  return text
}

/**
 * Does shots `from` to `to` with a fixed number in flight, and measures what the process `pid` spent on them. The first ones, which warm
 * the server up, are run apart.
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
  let next = from
  const worker = async () => {
    for (let at = next++; at < to; at = next++) {
      const began = performance.now()
      answers.push(await fire(pool, at))
      times.push(performance.now() - began)
    }
  }
  const cpuBefore = cpuSeconds(pid)
  const began = performance.now()
  try {
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  } finally {
    await pool.destroy()
  }
  const seconds = (performance.now() - began) / 1000
  const cpu = cpuSeconds(pid) - cpuBefore
  const sorted = times.toSorted((a, b) => a - b)
  const quantile = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? 0
  const count = sorted.length
  const [p50, p99, max] = [quantile(0.5), quantile(0.99), quantile(1)]
  return { count, seconds, cpu, perCpuSecond: count / cpu, p50, p99, max, answers }
}
