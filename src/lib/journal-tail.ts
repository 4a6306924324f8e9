/** The newest records in memory, as they are shipped, so that what was just written isn't read back from the disk. */
export type JournalTail = {
  /** `texts` are those of the records up to `last`, right after what was written before. */
  wrote(last: number, texts: readonly string[]): void
  /** From a number on, at most `limit`; `undefined` when its record is not here (any more). */
  read(from: number, limit: number): readonly string[] | undefined
  /** What the receiver has is let go. */
  shipped(n: number): void
}

/** The most characters that are kept. What is beyond, while the receiver is away, is on the disk. */
const KEPT = 4_194_304

export function journalTail(kept = KEPT): JournalTail {
  let texts: string[] = []
  let first = 1
  let size = 0

  function letGo(count: number): void {
    for (const text of texts.slice(0, count)) size -= text.length
    texts = texts.slice(count)
    first += count
  }

  return {
    wrote(last, more) {
      if (texts.length === 0) first = last - more.length + 1
      for (const text of more) {
        texts.push(text)
        size += text.length
      }
      while (size > kept) letGo(Math.ceil(texts.length / 2))
    },
    read(from, limit) {
      const at = from - first
      return at < 0 || at >= texts.length ? undefined : texts.slice(at, at + limit)
    },
    shipped(n) {
      if (n >= first) letGo(Math.min(texts.length, n - first + 1))
    },
  }
}
