import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { emptyMap, type PersistentMap, withEntry } from './persistent-map.ts'

const keys = fc.oneof(fc.nat(2000).map(String), fc.string({ maxLength: 4 }))
const steps = fc.array(fc.record({ key: keys, value: fc.option(fc.nat(), { nil: undefined }) }), {
  maxLength: 60,
})
const filled = (count: number): PersistentMap<string, number> => {
  const own = new Set<object>()
  let map = emptyMap<string, number>()
  for (let at = 0; at < count; at++) map = withEntry(map, String(at), at, own)
  return map
}
const contents = (map: ReadonlyMap<string, number>) => [...map].sort()
/** Ground of every size at which a map has another shape: nothing, one leaf, a leaf about to split, branches two deep. */
const grounds = [0, 3, 1023, 1024, 1025, 9000].map(filled)

describe('a map that never changes', () => {
  it('answers like a native one after any changes, and every version of it stays as it was', () => {
    fc.assert(
      fc.property(fc.constantFrom(...grounds), steps, (ground, changes) => {
        const model = new Map(ground)
        let map = ground
        const versions: [PersistentMap<string, number>, [string, number][]][] = []
        for (const { key, value } of changes) {
          if (ground.size < 100) versions.push([map, contents(map)])
          map = withEntry(map, key, value)
          if (value === undefined) model.delete(key)
          else model.set(key, value)
          expect(map.get(key)).toBe(value)
        }
        expect(map.size).toBe(model.size)
        expect(contents(map)).toEqual(contents(model))
        for (const [version, before] of versions) expect(contents(version)).toEqual(before)
      }),
      { numRuns: 60 },
    )
  })

  it('comes to the same in one edit, and leaves what it was made of as it was', () => {
    fc.assert(
      fc.property(fc.constantFrom(...grounds), steps, (ground, changes) => {
        const before = contents(ground)
        const own = new Set<object>()
        const apart = changes.reduce((map, { key, value }) => withEntry(map, key, value), ground)
        const once = changes.reduce((map, { key, value }) => withEntry(map, key, value, own), ground)
        expect(contents(once)).toEqual(contents(apart))
        expect(once.size).toBe(apart.size)
        expect(contents(ground)).toEqual(before)
      }),
      { numRuns: 60 },
    )
  })

  it('is the same map where nothing changes, and the empty one when all is gone', () => {
    const map = filled(3)
    expect(withEntry(map, '1', 1)).toBe(map)
    expect(withEntry(map, 'x', undefined)).toBe(map)
    const emptied = [...filled(3000).keys()].reduce(
      (left, key) => withEntry(left, key, undefined),
      filled(1000),
    )
    expect(emptied.size).toBe(0)
    expect(emptied).toBe(emptyMap())
  })

  it('holds keys that its hash can not tell apart', () => {
    const same = collisions(11)
    expect(new Set(same.map((key) => fnv(key, 0x811c9dc5))).size).toBe(1)
    const map = same.reduce((all, key, at) => withEntry(all, key, at), emptyMap<string, number>())
    expect(same.map((key) => map.get(key))).toEqual(same.map((_, at) => at))
  })

  it('shares what a change did not touch', () => {
    const map = filled(12_000)
    const next = withEntry(map, '77', -1)
    expect(childrenOf(next).filter((child, at) => child !== childrenOf(map)[at])).toHaveLength(1)
  })
})

const childrenOf = (map: object): readonly unknown[] =>
  'root' in map && Array.isArray(map.root) ? map.root : []

/** More keys of one hash than a leaf holds: each part has a twin that FNV-1a takes on to the same state, as an attacker would find them. */
function collisions(parts: number): readonly string[] {
  let [state, keys] = [0x811c9dc5, ['']]
  for (let part = 0; part < parts; part++) {
    const [one, other] = twins(state)
    keys = keys.flatMap((key) => [key + one, key + other])
    state = fnv(one, state)
  }
  return keys
}

function twins(state: number): readonly [string, string] {
  const seen = new Map<number, string>()
  for (let at = 0; ; at++) {
    const text = (Math.imul(at, 0x9e3779b1) >>> 0).toString(36)
    const other = seen.get(fnv(text, state))
    if (other !== undefined) return [other, text]
    seen.set(fnv(text, state), text)
  }
}

function fnv(text: string, state: number): number {
  let hash = state
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash
}
