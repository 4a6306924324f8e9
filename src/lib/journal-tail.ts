import { type Block, copyShipped, shippedLength } from './journal-block.ts'

/** The newest records in memory, so that what was just written isn't read back from the disk. */
export type JournalTail = {
  /** The next records, right after those that were written before; the first may have any number. */
  wrote(block: Block): void
  /** As they are shipped, from a number on, with a comma between; `undefined` when its record is not here (any more). */
  read(from: number, most: Most): Buffer | undefined
  /** What the receiver has is let go. */
  shipped(n: number): void
}

/** The most that is read at once: so many records, and no more bytes than that, but one record however large it is. */
export type Most = { readonly records: number; readonly bytes: number }

/** The most bytes that are kept. What is beyond, while the receiver is away, is on the disk. */
const KEPT = 4_194_304

/** A record in memory. */
type Place = { readonly block: Block; readonly index: number }

export function journalTail(kept = KEPT): JournalTail {
  const blocks: Block[] = []
  let gone = 0
  let size = 0

  function letGo(block: Block): void {
    blocks.shift()
    size -= block.bytes.length
    gone = Math.max(gone, lastOf(block))
  }

  return {
    wrote(block) {
      if (blocks.length === 0) gone = lastOf(block) - block.heads.length
      blocks.push(block)
      size += block.bytes.length
      for (const oldest of [...blocks]) if (size > kept) letGo(oldest)
    },
    read(from, most) {
      if (from <= gone) return undefined
      const { records, length } = places(blocks, from, most)
      return records.length === 0 ? undefined : joined(records, length)
    },
    shipped(n) {
      gone = Math.max(gone, n)
      for (let [oldest] = blocks; oldest && lastOf(oldest) <= n; [oldest] = blocks) letGo(oldest)
    },
  }
}

function lastOf({ heads }: Block): number {
  return heads.at(-1)?.n ?? 0
}

/** `length` counts a comma after each but the last. */
function places(blocks: readonly Block[], from: number, most: Most) {
  const records: Place[] = []
  let length = -1
  for (const block of blocks) {
    const first = lastOf(block) - block.heads.length + 1
    for (let index = Math.max(0, from - first); index < block.heads.length; index++) {
      const longer = length + 1 + shippedLength(block, index)
      if (records.length > 0 && (records.length === most.records || longer > most.bytes))
        return { records, length }
      records.push({ block, index })
      length = longer
    }
  }
  return { records, length }
}

const COMMA = 0x2c

function joined(records: readonly Place[], length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let at = 0
  for (const { block, index } of records) {
    if (at > 0) bytes[at++] = COMMA
    at = copyShipped(block, index, bytes, at)
  }
  return bytes
}
