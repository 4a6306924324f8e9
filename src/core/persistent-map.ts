/**
 * A map that never changes: putting something in gives another map, which shares all that it didn't touch (docs/decisions/0011). A trie
 * over a hash of the key whose leaves are small native Maps: a change copies one leaf and the few branches above it, however many
 * entries there are, and a look-up ends in a native one. Keys whose hashes collide by design only make a leaf longer to copy, never
 * slower to read. The order of entries means nothing.
 */
export type Node<V> = ReadonlyMap<string, V> | readonly Node<V>[]

/** What was made within one edit, and so may still be written in place: nobody else has seen it. */
export type Own = Set<object>

const EMPTY: ReadonlyMap<string, never> = new Map<string, never>()
const BITS = 5
const FANOUT = 1 << BITS
/** Bits of the hash that can tell entries apart, in steps of `BITS`. */
const DEEPEST = 30
/** Entries of a leaf: few enough to be copied in microseconds. */
const MOST_IN_LEAF = 1024

export function emptyNode<V>(): Node<V> {
  return EMPTY
}

export function isEmpty(node: Node<unknown>): boolean {
  return node === EMPTY
}

export function find<V>(node: Node<V>, key: string): V | undefined {
  return isLeaf(node) ? node.get(key) : leafOf(node, key).get(key)
}

export function put<V>(node: Node<V>, key: string, value: V, own: Own): Node<V> {
  return putAt(node, 0, key, value, own)
}

/** Without an entry; the same node if there was none. What is empty is always the same empty node. */
export function take<V>(node: Node<V>, key: string, own: Own): Node<V> {
  return takeAt(node, 0, key, own)
}

function* entriesOf<V>(node: Node<V>): Generator<[string, V], undefined> {
  if (isLeaf(node)) yield* node
  else for (const child of node) yield* entriesOf(child)
}

function isLeaf<V>(node: Node<V>): node is ReadonlyMap<string, V> {
  return node instanceof Map
}

function leafOf<V>(branch: readonly Node<V>[], key: string): ReadonlyMap<string, V> {
  let hash = hashOf(key)
  let node: Node<V> = branch
  while (!isLeaf(node)) {
    node = node[hash & (FANOUT - 1)] ?? EMPTY
    hash >>>= BITS
  }
  return node
}

function putAt<V>(node: Node<V>, shift: number, key: string, value: V, own: Own): Node<V> {
  if (!isLeaf(node)) {
    const at = slotOf(key, shift)
    return withChild(node, at, putAt(node[at] ?? EMPTY, shift + BITS, key, value, own), own)
  }
  const leaf = ownLeaf(node, own).set(key, value)
  return leaf.size > MOST_IN_LEAF && shift < DEEPEST ? split(leaf, shift, own) : leaf
}

function takeAt<V>(node: Node<V>, shift: number, key: string, own: Own): Node<V> {
  if (isLeaf(node)) {
    if (!node.has(key)) return node
    if (node.size === 1) return EMPTY
    const leaf = ownLeaf(node, own)
    leaf.delete(key)
    return leaf
  }
  const at = slotOf(key, shift)
  const child = takeAt(node[at] ?? EMPTY, shift + BITS, key, own)
  const branch = withChild(node, at, child, own)
  return isEmpty(child) && branch.every(isEmpty) ? EMPTY : branch
}

function ownLeaf<V>(leaf: ReadonlyMap<string, V>, own: Own): Map<string, V> {
  if (own.has(leaf)) return leaf as Map<string, V>
  const copy = new Map(leaf)
  own.add(copy)
  return copy
}

function withChild<V>(branch: readonly Node<V>[], at: number, child: Node<V>, own: Own): readonly Node<V>[] {
  if (branch[at] === child) return branch
  const copy = own.has(branch) ? (branch as Node<V>[]) : branch.slice()
  own.add(copy)
  copy[at] = child
  return copy
}

function split<V>(leaf: ReadonlyMap<string, V>, shift: number, own: Own): readonly Node<V>[] {
  let branch: readonly Node<V>[] = new Array<Node<V>>(FANOUT).fill(EMPTY)
  own.add(branch)
  for (const [key, value] of leaf) {
    const at = slotOf(key, shift)
    branch = withChild(branch, at, putAt(branch[at] ?? EMPTY, shift + BITS, key, value, own), own)
  }
  return branch
}

function slotOf(key: string, shift: number): number {
  return (hashOf(key) >>> shift) & (FANOUT - 1)
}

/** FNV-1a over UTF-16 units, mixed once more so that every step of bits is as good as the lowest. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}

/** A map that `withEntry` changes. A small one is its only leaf: a look-up in it costs what a native one costs. */
export type PersistentMap<K extends string, V> = ReadonlyMap<K, V>

export function emptyMap<K extends string, V>(): PersistentMap<K, V> {
  return EMPTY as ReadonlyMap<string, V> as ReadonlyMap<K, V>
}

/** The map with a value under a key, or without it (`undefined`); the same map if that changes nothing, or within one edit. */
export function withEntry<K extends string, V>(
  map: PersistentMap<K, V>,
  key: K,
  value: V | undefined,
  own: Own = new Set(),
): PersistentMap<K, V> {
  const root = rootOf(map)
  // Before it is written to: within an edit this may be the very leaf.
  const { size } = map
  const before = find(root, key)
  if (before === value) return map
  if (value === undefined) return mapOver(take(root, key, own), size - 1)
  return mapOver(put(root, key, value, own), before === undefined ? size + 1 : size)
}

type Branched<K extends string, V> = ReadonlyMap<K, V> & { readonly root: Node<V> }

function rootOf<K extends string, V>(map: PersistentMap<K, V>): Node<V> {
  return isBranched(map) ? map.root : (map as ReadonlyMap<string, V>)
}

function isBranched<K extends string, V>(map: PersistentMap<K, V>): map is Branched<K, V> {
  return 'root' in map
}

function mapOver<K extends string, V>(root: Node<V>, size: number): PersistentMap<K, V> {
  return isLeaf(root) ? (root as ReadonlyMap<K, V>) : branched(root, size)
}

function branched<K extends string, V>(root: readonly Node<V>[], size: number): Branched<K, V> {
  const entries = () => entriesOf(root) as Generator<[K, V], undefined>
  const map: Branched<K, V> = {
    root,
    size,
    get: (key) => find(root, key),
    has: (key) => find(root, key) !== undefined,
    entries,
    keys: () => keysOf(entries()),
    values: () => valuesOf(root),
    forEach: (each) => {
      for (const [key, value] of entries()) each(value, key, map)
    },
    [Symbol.iterator]: entries,
  }
  return map
}

function* keysOf<K>(entries: Iterable<readonly [K, unknown]>): Generator<K, undefined> {
  for (const [key] of entries) yield key
}

function* valuesOf<V>(node: Node<V>): Generator<V, undefined> {
  for (const [, value] of entriesOf(node)) yield value
}
