const MAX_LINE_BYTES = 1_048_576
const NEWLINE = 0x0a
/** Stands for a line that is too long or not UTF-8; no export has it, so the check refuses it by its number. */
const UNREADABLE = '\ufffd'

/** Splits bytes into lines of UTF-8, each of at most 1 MiB. */
export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0)
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk])
    let from = 0
    for (let to = rest.indexOf(NEWLINE); to >= 0; to = rest.indexOf(NEWLINE, from)) {
      yield lineText(rest.subarray(from, to))
      from = to + 1
    }
    rest = rest.subarray(from)
    if (rest.length > MAX_LINE_BYTES) return yield UNREADABLE
  }
  if (rest.length > 0) yield lineText(rest)
}

function lineText(bytes: Uint8Array): string {
  if (bytes.length > MAX_LINE_BYTES) return UNREADABLE
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return UNREADABLE
  }
}
