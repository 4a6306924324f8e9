import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TreeHash } from './merkle-log.ts'
import { EMPTY_ROOT, frontierRoot, leafHash } from './merkle-log.ts'
import type { TreeHead } from './merkle-proof.ts'
import {
  buildProof,
  consistencyPlan,
  growTree,
  inclusionPlan,
  MAX_PROOF_HASHES,
  provesConsistency,
  provesInclusion,
  rootFromInclusion,
} from './merkle-proof.ts'

const leaves = (size: number) => Array.from({ length: size }, (_, i) => leafHash(`leaf ${i}`))
const head = (size: number): TreeHead => ({ size, root: frontierRoot(growTree(leaves(size)).frontier) })
const b64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64') as TreeHash

function inclusion(index: number, size: number) {
  return buildProof(inclusionPlan(index, size), growTree(leaves(size)).read)
}
function consistency(first: number, second: number) {
  return buildProof(consistencyPlan(first, second), growTree(leaves(second)).read)
}
function flip(hash: TreeHash): TreeHash {
  const bytes = Buffer.from(hash, 'base64')
  bytes[7] = (bytes[7] ?? 0) ^ 1
  return bytes.toString('base64') as TreeHash
}

/** Every way to spoil a proof by one hash. */
function spoilt(proof: readonly TreeHash[]): readonly (readonly TreeHash[])[] {
  const each = proof.flatMap((hash, at) => [
    proof.with(at, flip(hash)),
    proof.toSpliced(at, 1),
    proof.toSpliced(at, 0, leafHash('extra')),
  ])
  return [...each, [...proof, leafHash('extra')], [leafHash('extra'), ...proof]]
}

describe('inclusion proofs', () => {
  it('prove every leaf of every tree up to 70, and no other leaf, place or size', () => {
    for (let size = 1; size <= 70; size += 1) {
      const tree = head(size)
      for (let index = 0; index < size; index += 1) {
        const leaf = leafHash(`leaf ${index}`)
        const proof = inclusion(index, size)
        expect(provesInclusion(leaf, index, tree, proof)).toBe(true)
        expect(provesInclusion(leafHash('another'), index, tree, proof)).toBe(false)
        expect(provesInclusion(leaf, (index + 1) % size, tree, proof)).toBe(size === 1)
      }
    }
  })

  it('fail when one hash is altered, left out or added', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(), (size, seed) => {
        const index = seed % size
        const tree = head(size)
        return spoilt(inclusion(index, size)).every(
          (proof) => !provesInclusion(leafHash(`leaf ${index}`), index, tree, proof),
        )
      }),
      { numRuns: 50 },
    )
  })

  it('do not serve for a tree of another shape', () => {
    expect(
      provesInclusion(leafHash('leaf 0'), 0, { ...head(4), size: 8 }, inclusion(0, 4)),
      'too short',
    ).toBe(false)
    expect(provesInclusion(leafHash('leaf 3'), 1, { ...head(4), size: 2 }, inclusion(3, 4)), 'too long').toBe(
      false,
    )
  })

  it('lead nowhere outside the tree', () => {
    for (const [index, size] of [
      [1, 1],
      [0, 0],
      [-1, 4],
      [0.5, 4],
      [5, 4],
    ] as const) {
      expect(rootFromInclusion(leafHash('leaf 0'), index, size, [])).toBeUndefined()
    }
    expect(() => inclusionPlan(4, 4)).toThrow('no leaf 4')
  })

  it('are the published ones for trees of eight', () => {
    // Nodes of the well-known tree of eight leaves (Certificate Transparency test data).
    const proof = [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ].map(b64)
    const root = b64('5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328')
    expect(provesInclusion(leafHash(''), 0, { size: 8, root }, proof)).toBe(true)
    expect(provesInclusion(leafHash(''), 1, { size: 8, root }, proof)).toBe(false)
  })

  it('stay within the stated length in the largest trees', () => {
    const largest = Number.MAX_SAFE_INTEGER
    for (const index of [0, largest - 1, 2 ** 52, 2 ** 40 + 3]) {
      expect(inclusionPlan(index, largest).length).toBeLessThanOrEqual(MAX_PROOF_HASHES)
      expect(consistencyPlan(index, largest).length).toBeLessThanOrEqual(MAX_PROOF_HASHES)
    }
  })
})

describe('consistency proofs', () => {
  it('prove every earlier tree of every tree up to 40, and no tree with another root', () => {
    for (let second = 0; second <= 40; second += 1) {
      for (let first = 0; first <= second; first += 1) {
        const proof = consistency(first, second)
        expect(provesConsistency(head(first), head(second), proof), `${first} to ${second}`).toBe(true)
        expect(provesConsistency({ size: first, root: flip(head(first).root) }, head(second), proof)).toBe(
          false,
        )
        expect(provesConsistency(head(first), { size: second, root: flip(head(second).root) }, proof)).toBe(
          first === 0 && second > 0,
        )
      }
    }
  })

  it('fail when one hash is altered, left out or added', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), fc.nat(), (second, seed) => {
        const first = 1 + (seed % (second - 1))
        return spoilt(consistency(first, second)).every(
          (proof) => !provesConsistency(head(first), head(second), proof),
        )
      }),
      { numRuns: 50 },
    )
  })

  it('do not serve for trees of another shape', () => {
    const short = consistency(1, 2)
    expect(provesConsistency(head(1), { ...head(2), size: 5 }, short), 'too short').toBe(false)
    const long = consistency(7, 8)
    expect(provesConsistency({ ...head(7), size: 3 }, { ...head(8), size: 4 }, long), 'too long').toBe(false)
  })

  it('refuse a log that shrank, and an empty tree with a root', () => {
    expect(provesConsistency(head(5), head(4), [])).toBe(false)
    expect(provesConsistency({ size: 0, root: leafHash('x') }, head(4), [])).toBe(false)
    expect(provesConsistency({ size: 0, root: EMPTY_ROOT }, head(4), [leafHash('x')])).toBe(false)
    expect(provesConsistency(head(3), head(6), [])).toBe(false)
    expect(provesConsistency(head(4), head(6), [])).toBe(false)
    expect(() => consistencyPlan(5, 4)).toThrow("can't continue")
  })

  it('are the published ones for 6 in 8', () => {
    const proof = [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ].map(b64)
    const six = { size: 6, root: b64('76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef') }
    const eight = { size: 8, root: b64('5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328') }
    expect(provesConsistency(six, eight, proof)).toBe(true)
    expect(provesConsistency({ ...six, size: 5 }, eight, proof)).toBe(false)
  })
})
