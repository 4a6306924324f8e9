/** Remembers which proofs were seen, in this process's memory, for as long as each could be used again. */
export type ReplayCache = {
  /** `fresh` the first time a key is shown before `expires`, then `seen`; `full` when it can't remember more. */
  spend(key: string, now: number, expires: number): 'fresh' | 'seen' | 'full'
  readonly size: number
}

/** How many old entries may be cleared for each new one; more than one, so that the cache shrinks after a burst. */
const CLEAR_PER_CALL = 4

/**
 * Bounded: when `max` live proofs are remembered it says `full` instead of forgetting one that could be replayed.
 * Entries leave in the order they came. Their ends differ by at most twice the window, so the oldest entry can hold
 * back others for no longer than that.
 */
export function createReplayCache(max = 500_000): ReplayCache {
  const ends = new Map<string, number>()
  return {
    spend(key, now, expires) {
      clearEnded(ends, now)
      const end = ends.get(key)
      if (end !== undefined && end > now) return 'seen'
      if (ends.size >= max) return 'full'
      ends.set(key, expires)
      return 'fresh'
    },
    get size() {
      return ends.size
    },
  }
}

function clearEnded(ends: Map<string, number>, now: number): void {
  let left = CLEAR_PER_CALL
  for (const [key, end] of ends) {
    if (left-- === 0 || end > now) return
    ends.delete(key)
  }
}
