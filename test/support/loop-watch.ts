/** Sees how long the thread it runs on did nothing else: the program under test runs on this one. */
export type LoopWatch = {
  /** Stretches of more than the limit, by the monotonic clock, in ms. */
  readonly blocks: readonly { readonly from: number; readonly to: number }[]
  readonly stop: () => void
}

/** The longest that one request may hold everybody else up, in ms. */
export const BLOCK_LIMIT = 100
const TICK = 5

export function watchLoop(): LoopWatch {
  const blocks: { from: number; to: number }[] = []
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    if (now - last > BLOCK_LIMIT + TICK) blocks.push({ from: last, to: now })
    last = now
  }, TICK)
  return { blocks, stop: () => clearInterval(timer) }
}

const AGAIN = 5

/**
 * Whether doing this blocks the thread whenever it is done: once may be the machine's doing, or a neighbour's. Each time alone, and only
 * what blocks every time counts.
 */
export async function blocksAlways(act: () => Promise<unknown>): Promise<boolean> {
  for (let time = 0; time < AGAIN; time += 1) {
    const watch = watchLoop()
    await act()
    // A timer that is due runs before this one ends, so a block at the very end is seen too.
    await new Promise((resolve) => setTimeout(resolve, 2 * TICK))
    watch.stop()
    if (watch.blocks.length === 0) return false
  }
  return true
}
