/** What many callers at once got done: the middle one of the rounds, and the times of all in ms. */
export type Called = {
  readonly perSecond: number
  readonly perCpuSecond: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

const ROUNDS = 3

/** Calls `one` with 0, 1, … from `callers` callers that each wait for their answer: first to warm up, then in rounds that are measured. */
export async function call(
  one: (at: number) => Promise<unknown>,
  { callers, warmUp, count }: { readonly callers: number; readonly warmUp: number; readonly count: number },
  cpuSeconds = ownCpuSeconds,
): Promise<Called> {
  await volley(one, callers, 0, warmUp)
  const rounds: { readonly perSecond: number; readonly perCpuSecond: number }[] = []
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const [from, to] = [round, round + 1].map((at) => warmUp + Math.round((count * at) / ROUNDS))
    const [began, cpu] = [performance.now(), cpuSeconds()]
    const taken = await volley(one, callers, from ?? 0, to ?? 0)
    const [seconds, spent] = [(performance.now() - began) / 1000, cpuSeconds() - cpu]
    rounds.push({ perSecond: taken.length / seconds, perCpuSecond: taken.length / spent })
    times.push(...taken)
  }
  times.sort((a, b) => a - b)
  const quantile = (share: number) => times[Math.ceil(times.length * share) - 1] ?? 0
  const middle = (of: 'perSecond' | 'perCpuSecond') =>
    rounds.map((each) => each[of]).sort((a, b) => a - b)[1] ?? 0
  return {
    perSecond: middle('perSecond'),
    perCpuSecond: middle('perCpuSecond'),
    p50: quantile(0.5),
    p99: quantile(0.99),
    max: quantile(1),
  }
}

async function volley(one: (at: number) => Promise<unknown>, callers: number, from: number, to: number) {
  const times: number[] = []
  let next = from
  const caller = async () => {
    for (let at = next++; at < to; at = next++) {
      const began = performance.now()
      await one(at)
      times.push(performance.now() - began)
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return times
}

function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
