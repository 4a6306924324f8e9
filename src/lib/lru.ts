/**
 * A map of at most `max` entries that forgets those not used for the longest. Kept as two halves: what is used moves to the young one,
 * and when that is full the old one is dropped whole. A hit then moves nothing, which an exact order would do at every look.
 */
export type Lru<K, V> = {
  get(key: K): V | undefined
  set(key: K, value: V): void
  delete(key: K): boolean
  clear(): void
  readonly size: number
}

export function createLru<K, V>(max: number): Lru<K, V> {
  const half = Math.max(1, Math.floor(max / 2))
  let young = new Map<K, V>()
  let old = new Map<K, V>()
  const put = (key: K, value: V) => {
    if (young.size >= half && !young.has(key)) {
      old = young
      young = new Map()
    }
    young.set(key, value)
    old.delete(key)
  }
  return {
    get(key) {
      const value = young.get(key)
      if (value !== undefined) return value
      const older = old.get(key)
      if (older !== undefined) put(key, older)
      return older
    },
    set: put,
    delete: (key) => young.delete(key) || old.delete(key),
    clear: () => {
      young.clear()
      old.clear()
    },
    get size() {
      return young.size + old.size
    },
  }
}
