import { describe, expect, it } from 'vitest'
import { createLru } from './lru.ts'

describe('a map that forgets', () => {
  it('never holds more than it may, however much comes', () => {
    const lru = createLru<number, number>(10)
    for (let at = 0; at < 1000; at += 1) {
      lru.set(at, at)
      expect(lru.size).toBeLessThanOrEqual(10)
      expect(lru.get(at)).toBe(at)
    }
  })
  it('keeps what is used and drops what is not', () => {
    const lru = createLru<string, number>(10)
    lru.set('used', 1)
    lru.set('unused', 2)
    for (let at = 0; at < 100; at += 1) {
      lru.set(`other ${at}`, at)
      expect(lru.get('used')).toBe(1)
    }
    expect(lru.get('unused')).toBeUndefined()
  })
  it('has one value for a key, the last one, and forgets when told to', () => {
    const lru = createLru<string, number>(4)
    for (const key of ['a', 'b', 'c', 'd']) lru.set(key, 0)
    lru.set('a', 1)
    expect([lru.get('a'), lru.delete('a'), lru.get('a'), lru.delete('a')]).toEqual([
      1,
      true,
      undefined,
      false,
    ])
    lru.clear()
    expect([lru.size, lru.get('d')]).toEqual([0, undefined])
  })
})
