import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Frontier, TreeHash } from './merkle-log.ts'
import {
  appendLeaf,
  appendLeaves,
  EMPTY_FRONTIER,
  EMPTY_ROOT,
  frontierOf,
  frontierRoot,
  leafHash,
  nodeHash,
  treeHash,
} from './merkle-log.ts'

/** The leaves and roots that the Certificate Transparency projects test with (RFC 6962 §2.1). */
const LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
]
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

const hex = (hash: TreeHash) => Buffer.from(hash, 'base64').toString('hex')
const grow = (leaves: readonly TreeHash[]) =>
  leaves.reduce((f, leaf) => appendLeaf(f, leaf).frontier, EMPTY_FRONTIER)

/** RFC 6962 §2.1 read aloud: the definition, recursive, as the oracle. */
function batchRoot(leaves: readonly TreeHash[]): TreeHash {
  const [only] = leaves
  if (only === undefined) return EMPTY_ROOT
  if (leaves.length === 1) return only
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return nodeHash(batchRoot(leaves.slice(0, k)), batchRoot(leaves.slice(k)))
}

const leafHashes = (max: number) =>
  fc.array(
    fc.uint8Array({ maxLength: 8 }).map((bytes) => leafHash(bytes)),
    { maxLength: max },
  )

describe('the Merkle log', () => {
  it('gives the published roots of the first eight trees', () => {
    let frontier = EMPTY_FRONTIER
    const roots = [hex(frontierRoot(frontier))]
    for (const leaf of LEAVES) {
      frontier = appendLeaf(frontier, leafHash(Buffer.from(leaf, 'hex'))).frontier
      roots.push(hex(frontierRoot(frontier)))
    }
    expect(roots).toEqual(ROOTS)
  })

  it('gives leaf by leaf the same root as the definition gives at once', () => {
    fc.assert(fc.property(leafHashes(70), (leaves) => frontierRoot(grow(leaves)) === batchRoot(leaves)))
  })

  it('grows by many leaves at once to the same frontier as leaf by leaf', () => {
    fc.assert(
      fc.property(leafHashes(40), leafHashes(40), (before, after) => {
        expect(appendLeaves(grow(before), after)).toEqual(grow([...before, ...after]))
      }),
    )
  })

  it('goes on from a frontier that went through JSON', () => {
    fc.assert(
      fc.property(leafHashes(40), leafHashes(10), (before, after) => {
        const stored = JSON.parse(JSON.stringify(grow(before))) as Frontier
        const frontier = frontierOf(stored.size, stored.peaks) ?? EMPTY_FRONTIER
        const grown = after.reduce((f, leaf) => appendLeaf(f, leaf).frontier, frontier)
        return frontierRoot(grown) === batchRoot([...before, ...after])
      }),
    )
  })

  it('names each completed subtree once, by its place', () => {
    const leaves = LEAVES.map((leaf) => leafHash(Buffer.from(leaf, 'hex')))
    const seen: string[] = []
    leaves.reduce((frontier, leaf) => {
      const grown = appendLeaf(frontier, leaf)
      for (const { level, index, hash } of grown.completed) {
        const width = 2 ** level
        expect(hash).toBe(batchRoot(leaves.slice(index * width, (index + 1) * width)))
        seen.push(`${level}/${index}`)
      }
      return grown.frontier
    }, EMPTY_FRONTIER)
    expect(seen).toHaveLength(15)
    expect(new Set(seen).size).toBe(15)
  })

  it('keeps a leaf from passing for an inner node', () => {
    const [a, b] = [leafHash('a'), leafHash('b')]
    const inner = Buffer.concat([Buffer.from(a, 'base64'), Buffer.from(b, 'base64')])
    expect(leafHash(inner)).not.toBe(nodeHash(a, b))
  })

  it('does not read back a frontier that can not be one', () => {
    const good = grow([leafHash('a'), leafHash('b'), leafHash('c')])
    expect(frontierOf(good.size, good.peaks)).toEqual(good)
    for (const size of [-1, 2, 4, 3.5, Number.NaN, 2 ** 53])
      expect(frontierOf(size, good.peaks)).toBeUndefined()
    expect(frontierOf(3, [good.peaks[0] ?? '', 'AAAA'])).toBeUndefined()
    expect(frontierOf(1, [`${'A'.repeat(42)}B=`]), 'unused bits set').toBeUndefined()
  })

  it('knows the one spelling of a hash', () => {
    expect(treeHash(EMPTY_ROOT)).toBe(EMPTY_ROOT)
    for (const bad of [
      '',
      `${EMPTY_ROOT}\n`,
      EMPTY_ROOT.slice(1),
      EMPTY_ROOT.replace('=', ''),
      EMPTY_ROOT.replaceAll('+', '-'),
    ]) {
      if (bad !== EMPTY_ROOT) expect(treeHash(bad), JSON.stringify(bad)).toBeUndefined()
    }
  })

  it('will not hash text that has no bytes', () => {
    expect(() => leafHash('\ud800')).toThrow('not well-formed')
  })
})
