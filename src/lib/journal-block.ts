import { type ChainHead, hashBefore } from './record-chain.ts'

/**
 * The lines of one batch, in one buffer as they are written to the file, and shipped from it: what a record's text costs is paid once.
 * `starts` has where each line begins; `heads` the chain after it.
 */
export type Block = {
  readonly bytes: Buffer
  readonly starts: readonly number[]
  readonly heads: readonly ChainHead[]
  /** Length of the `,"at":…` in each line, which is not shipped. */
  readonly atLength: number
}

const HASH = 43
const PREV = '","hash":"'.length + HASH
/** The most bytes of a line beside its body: two numbers of 16 digits, two hashes, and the names. */
const AROUND = 180

/** Canonical bodies, bound to the chain after `before`, all written `at` this time. */
export function blockOf(before: ChainHead, bodies: readonly string[], at: number): Block {
  const bytes = Buffer.allocUnsafe(bodies.reduce((sum, body) => sum + Buffer.byteLength(body) + AROUND, 0))
  const stated = `","at":${at}`
  const starts: number[] = []
  const heads: ChainHead[] = []
  let end = before
  let size = 0
  for (const body of bodies) {
    const left = `{"n":${end.n + 1},"prev":"${end.hash}","hash":"`
    const right = `${stated},"body":`
    const from = size + left.length + HASH + right.length
    const to = from + bytes.write(body, from, 'utf8')
    const hash = hashBefore(bytes, from, to, end.hash)
    bytes.write(left + hash + right, size, 'latin1')
    starts.push(size)
    size = to + bytes.write('}\n', to, 'latin1')
    end = { n: end.n + 1, hash }
    heads.push(end)
  }
  return { bytes: bytes.subarray(0, size), starts, heads, atLength: stated.length - 1 }
}

/** How many bytes the record with this index is shipped in. */
export function shippedLength({ bytes, starts, atLength }: Block, index: number): number {
  return (starts[index + 1] ?? bytes.length) - (starts[index] ?? 0) - atLength - 1
}

/** Copies what is shipped of a record to `into`; answers where it ends there. */
export function copyShipped(block: Block, index: number, into: Buffer, at: number): number {
  const { bytes, starts, heads, atLength } = block
  const start = starts[index] ?? 0
  const cut = start + `{"n":${heads[index]?.n},"prev":"`.length + HASH + PREV + 1
  const middle = at + bytes.copy(into, at, start, cut)
  return middle + bytes.copy(into, middle, cut + atLength, (starts[index + 1] ?? bytes.length) - 1)
}
