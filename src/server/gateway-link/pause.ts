const FIRST_MS = 50
const MOST_MS = 5000

/** Growing pauses between tries, each up to half shorter by chance so that many gateways don't come back at the same moment. */
export type Pause = {
  /** Waits; at once when `signal` aborts. */
  readonly wait: () => Promise<void>
  /** It went well: the next pause is a short one. */
  readonly reset: () => void
}

export function createPause(signal: AbortSignal): Pause {
  let ms = FIRST_MS
  return {
    reset: () => {
      ms = FIRST_MS
    },
    wait: () => {
      const now = ms * (0.5 + Math.random() / 2)
      ms = Math.min(ms * 2, MOST_MS)
      return sleep(now, signal)
    },
  }
}

/** Resolves after `ms`, or when the signal aborts. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
