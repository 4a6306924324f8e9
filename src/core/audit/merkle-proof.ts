import { Bug } from '../refusal.ts'
import type { Frontier, NodeId, TreeHash } from './merkle-log.ts'
import {
  appendLeaf,
  EMPTY_FRONTIER,
  EMPTY_ROOT,
  isOdd,
  isTreeSize,
  joinPeaks,
  nodeHash,
} from './merkle-log.ts'

/**
 * What a proof is made of: for each of its hashes the perfect subtrees to join into it. Plan first, fetch the nodes however
 * they are stored, then build; so the core needs no async.
 */
export type ProofPlan = readonly (readonly NodeId[])[]
export type ReadNode = (node: NodeId) => TreeHash | undefined
export type TreeHead = { readonly size: number; readonly root: TreeHash }

type Span = { readonly from: number; readonly to: number }

/** More hashes than any tree of 2^53 leaves can need; a longer proof is refused unread. */
export const MAX_PROOF_HASHES = 106

/** PATH(index, D[size]) of RFC 6962 §2.1.1. A leaf that the tree doesn't have is a Bug of the caller. */
export function inclusionPlan(index: number, size: number): ProofPlan {
  if (!isTreeSize(index) || !isTreeSize(size) || index >= size) {
    throw new Bug(`no leaf ${index} in a tree of ${size}`)
  }
  const path = (span: Span): Span[] => {
    if (span.to - span.from === 1) return []
    const [left, right] = split(span)
    return index < right.from ? [...path(left), right] : [...path(right), left]
  }
  return path({ from: 0, to: size }).map(subtrees)
}

/** PROOF(first, D[second]) of RFC 6962 §2.1.2; empty when either tree is empty or both are the same. */
export function consistencyPlan(first: number, second: number): ProofPlan {
  if (!isTreeSize(first) || !isTreeSize(second) || first > second) {
    throw new Bug(`a tree of ${second} can't continue one of ${first}`)
  }
  if (first === 0 || first === second) return []
  const subproof = (span: Span, known: boolean): Span[] => {
    if (first === span.to) return known ? [] : [span]
    const [left, right] = split(span)
    return first <= right.from ? [...subproof(left, known), right] : [...subproof(right, false), left]
  }
  return subproof({ from: 0, to: second }, true).map(subtrees)
}

/** Joins what was fetched for a plan into the proof; a node that can't be read is a Bug: the log lost part of its tree. */
export function buildProof(plan: ProofPlan, read: ReadNode): readonly TreeHash[] {
  return plan.map((nodes) => {
    const hash = joinPeaks(nodes.map((node) => read(node) ?? lost(node)))
    if (hash === undefined) throw new Bug('a proof plan names no subtree')
    return hash
  })
}

/** The root that a leaf and its inclusion proof lead to (RFC 9162 §2.1.3.2), or `undefined` when they lead nowhere.
 * A proof does not bind the size by itself; sizes are believed only out of a signed checkpoint. */
export function rootFromInclusion(
  leaf: TreeHash,
  index: number,
  size: number,
  proof: readonly TreeHash[],
): TreeHash | undefined {
  if (!isTreeSize(index) || !isTreeSize(size) || index >= size) return undefined
  let at = index
  let last = size - 1
  let root = leaf
  for (const hash of proof) {
    if (last === 0) return undefined
    if (isOdd(at) || at === last) {
      root = nodeHash(hash, root)
      const shift = isOdd(at) ? 0 : levelsToOdd(at)
      at = shiftRight(at, shift)
      last = shiftRight(last, shift)
    } else {
      root = nodeHash(root, hash)
    }
    at = shiftRight(at, 1)
    last = shiftRight(last, 1)
  }
  return last === 0 ? root : undefined
}

/** True when the proof shows that this leaf is in the tree at this place (RFC 9162 §2.1.3.2). */
export function provesInclusion(
  leaf: TreeHash,
  index: number,
  tree: TreeHead,
  proof: readonly TreeHash[],
): boolean {
  return rootFromInclusion(leaf, index, tree.size, proof) === tree.root
}

/**
 * True when the proof shows that `second` only added leaves to `first` (RFC 9162 §2.1.4.2). An empty first tree, or the same
 * tree twice, needs an empty proof; the RFC leaves both open.
 */
export function provesConsistency(first: TreeHead, second: TreeHead, proof: readonly TreeHash[]): boolean {
  if (!isTreeSize(first.size) || !isTreeSize(second.size) || first.size > second.size) return false
  if (first.size === 0 && first.root !== EMPTY_ROOT) return false
  if (first.size === second.size) return proof.length === 0 && first.root === second.root
  if (first.size === 0) return proof.length === 0
  return walkConsistency(first, second, proof)
}

function walkConsistency(first: TreeHead, second: TreeHead, proof: readonly TreeHash[]): boolean {
  const [start, ...rest] = isPowerOfTwo(first.size) ? [first.root, ...proof] : proof
  if (start === undefined) return false
  const skip = trailingOnes(first.size - 1)
  let at = shiftRight(first.size - 1, skip)
  let last = shiftRight(second.size - 1, skip)
  let older = start
  let newer = start
  for (const hash of rest) {
    if (last === 0) return false
    if (isOdd(at) || at === last) {
      older = nodeHash(hash, older)
      newer = nodeHash(hash, newer)
      const shift = isOdd(at) ? 0 : levelsToOdd(at)
      at = shiftRight(at, shift)
      last = shiftRight(last, shift)
    } else {
      newer = nodeHash(newer, hash)
    }
    at = shiftRight(at, 1)
    last = shiftRight(last, 1)
  }
  return last === 0 && older === first.root && newer === second.root
}

/** A whole tree in memory (about 100 bytes a leaf): its frontier, and its nodes to build proofs from, as an export does. */
export function growTree(leaves: Iterable<TreeHash>): {
  readonly frontier: Frontier
  readonly read: ReadNode
} {
  const levels: TreeHash[][] = []
  let frontier = EMPTY_FRONTIER
  for (const leaf of leaves) {
    const grown = appendLeaf(frontier, leaf)
    frontier = grown.frontier
    for (const node of grown.completed) {
      const level = levels[node.level] ?? []
      level.push(node.hash)
      levels[node.level] = level
    }
  }
  return { frontier, read: (node) => levels[node.level]?.[node.index] }
}

/** Cuts at the largest power of two smaller than the span (RFC 6962 §2.1). */
function split(span: Span): readonly [Span, Span] {
  const middle = span.from + largestPower(span.to - span.from - 1)
  return [
    { from: span.from, to: middle },
    { from: middle, to: span.to },
  ]
}

/** The perfect subtrees of a span that starts where a subtree of its size may start. */
function subtrees(span: Span): readonly NodeId[] {
  const nodes: NodeId[] = []
  let from = span.from
  while (from < span.to) {
    const width = largestPower(span.to - from)
    nodes.push({ level: Math.log2(width), index: from / width })
    from += width
  }
  return nodes
}

function shiftRight(value: number, levels: number): number {
  return Math.floor(value / 2 ** levels)
}

/** How often to halve an even number until it is odd or 0. */
function levelsToOdd(value: number): number {
  let levels = 0
  for (let rest = value; rest !== 0 && !isOdd(rest); rest /= 2) levels += 1
  return levels
}

function trailingOnes(value: number): number {
  let count = 0
  for (let rest = value; isOdd(rest); rest = (rest - 1) / 2) count += 1
  return count
}

function isPowerOfTwo(value: number): boolean {
  return largestPower(value) === value
}

/** The largest power of two up to a limit of at least 1; by doubling, since a logarithm rounds near 2^53. */
function largestPower(limit: number): number {
  let power = 1
  while (power * 2 <= limit) power *= 2
  return power
}

function lost(node: NodeId): never {
  throw new Bug(`the tree lost its node ${node.index} of level ${node.level}`)
}
