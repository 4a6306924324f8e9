import { hash as digest } from 'node:crypto'
import { Bug } from '../refusal.ts'

declare const treeHashBrand: unique symbol

/** A SHA-256 hash of the Merkle tree: canonical standard base64 of 32 bytes, 44 characters, as a checkpoint writes it. */
export type TreeHash = string & { readonly [treeHashBrand]: true }

/** A perfect subtree: `level` 0 is a leaf; it covers the leaves from `index · 2^level`, 2^level of them. */
export type NodeId = { readonly level: number; readonly index: number }
export type TreeNode = NodeId & { readonly hash: TreeHash }

/**
 * All a log must remember to grow: the roots of the perfect subtrees that make up its `size` leaves, largest (leftmost) first,
 * one for each 1 in the binary form of `size`. Plain JSON.
 */
export type Frontier = { readonly size: number; readonly peaks: readonly TreeHash[] }

const BASE64_OF_32_BYTES = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/
const LEAF = Buffer.from([0x00])

/** `undefined` unless it is the one canonical spelling of 32 bytes. */
export function treeHash(text: string): TreeHash | undefined {
  return BASE64_OF_32_BYTES.test(text) ? (text as TreeHash) : undefined
}

/** The root of the empty tree: SHA-256 of nothing (RFC 6962 §2.1). */
export const EMPTY_ROOT: TreeHash = sha256(Buffer.alloc(0))
export const EMPTY_FRONTIER: Frontier = { size: 0, peaks: [] }

/** SHA-256(0x00 ‖ leaf) (RFC 6962 §2.1). A string is hashed as UTF-8; one with a lone surrogate has no such bytes and is a Bug. */
export function leafHash(leaf: string | Uint8Array): TreeHash {
  if (typeof leaf !== 'string') return sha256(Buffer.concat([LEAF, leaf]))
  if (!leaf.isWellFormed()) throw new Bug('a leaf is not well-formed Unicode')
  // U+0000 is the one byte 0x00 in UTF-8.
  return sha256(`\0${leaf}`)
}

/** The bytes of one inner node, written over for each: node by node, hashing costs less than making room for it. */
const inner = Buffer.alloc(65, 0x01)

/** SHA-256(0x01 ‖ left ‖ right) (RFC 6962 §2.1). */
export function nodeHash(left: TreeHash, right: TreeHash): TreeHash {
  inner.write(left, 1, 'base64')
  inner.write(right, 33, 'base64')
  return sha256(inner)
}

/** The frontier after one more leaf, and the subtrees it completed, the leaf itself first: what a store keeps for proofs. */
export function appendLeaf(
  frontier: Frontier,
  leaf: TreeHash,
): { readonly frontier: Frontier; readonly completed: readonly TreeNode[] } {
  const peaks = [...frontier.peaks]
  let node: TreeNode = { level: 0, index: frontier.size, hash: leaf }
  const completed = [node]
  while (isOdd(node.index)) {
    const left = peaks.pop()
    if (left === undefined) throw new Bug('a frontier has fewer peaks than its size says')
    node = { level: node.level + 1, index: (node.index - 1) / 2, hash: nodeHash(left, node.hash) }
    completed.push(node)
  }
  return { frontier: { size: frontier.size + 1, peaks: [...peaks, node.hash] }, completed }
}

/** The frontier after these leaves, for whoever needs no proofs. */
export function appendLeaves(frontier: Frontier, leaves: readonly TreeHash[]): Frontier {
  const peaks = [...frontier.peaks]
  let { size } = frontier
  for (const leaf of leaves) {
    let hash = leaf
    for (let index = size; isOdd(index); index = (index - 1) / 2) {
      const left = peaks.pop()
      if (left === undefined) throw new Bug('a frontier has fewer peaks than its size says')
      hash = nodeHash(left, hash)
    }
    peaks.push(hash)
    size++
  }
  return { size, peaks }
}

/** The Merkle Tree Hash of all leaves so far (RFC 6962 §2.1). */
export function frontierRoot(frontier: Frontier): TreeHash {
  return joinPeaks(frontier.peaks) ?? EMPTY_ROOT
}

/** Joins neighbouring perfect subtrees, left to right and each smaller than the last, into one hash. */
export function joinPeaks(peaks: readonly TreeHash[]): TreeHash | undefined {
  return peaks.reduceRight<TreeHash | undefined>(
    (right, left) => (right === undefined ? left : nodeHash(left, right)),
    undefined,
  )
}

/** A stored frontier read back; `undefined` when it can't be one: a size that is no count, a wrong number of peaks, a bad hash. */
export function frontierOf(size: number, peaks: readonly string[]): Frontier | undefined {
  if (!isTreeSize(size) || peaks.length !== ones(size)) return undefined
  const hashes = peaks.map(treeHash).filter((hash) => hash !== undefined)
  return hashes.length === peaks.length ? { size, peaks: hashes } : undefined
}

/** Sizes stay within the exact integers of a double; bit operators, which cut at 32 bits, are not used on them. */
export function isTreeSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0
}

export function isOdd(value: number): boolean {
  return value % 2 === 1
}

function ones(size: number): number {
  return [...size.toString(2)].filter((digit) => digit === '1').length
}

function sha256(bytes: Uint8Array | string): TreeHash {
  return digest('sha256', bytes, 'base64') as TreeHash
}
