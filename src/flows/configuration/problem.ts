import { distance } from 'fastest-levenshtein'

/** A file of a configuration, as it was read; `path` is relative to the folder and is what messages name. */
export type ConfigurationFile = { readonly path: string; readonly text: string }

/** One thing wrong, where, and what to do about it. Lines and columns count from 1; `snippet` is the source line. */
export type Problem = {
  readonly path: string
  readonly line: number
  readonly column: number
  readonly code: string
  readonly says: string
  readonly snippet?: string
  /** How many characters of the source line are meant, from `column` on; the word there when absent. */
  readonly length?: number
  readonly hint?: string
}

/** A place in a file's text by offset. */
export function placeAt(
  file: ConfigurationFile,
  offset: number,
): Pick<Problem, 'path' | 'line' | 'column' | 'snippet'> {
  const before = file.text.slice(0, offset)
  const start = before.lastIndexOf('\n') + 1
  const end = file.text.indexOf('\n', offset)
  return {
    path: file.path,
    line: before.split('\n').length,
    column: offset - start + 1,
    snippet: file.text.slice(start, end < 0 ? undefined : end),
  }
}

/** The nearest of the known words, when it is near enough to be what was meant. */
export function suggestion(word: string, known: Iterable<string>): string | undefined {
  let best: { word: string; far: number } | undefined
  for (const each of known) {
    const far = distance(word, each)
    if (!best || far < best.far) best = { word: each, far }
  }
  return best && best.far > 0 && best.far <= Math.max(1, Math.floor(word.length / 3)) ? best.word : undefined
}

export function didYouMean(word: string, known: Iterable<string>): { readonly hint?: string } {
  const found = suggestion(word, known)
  return found ? { hint: `did you mean \`${found}\`?` } : {}
}
