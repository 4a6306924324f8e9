/** A `like` pattern: literal text, and wildcards that stand for any text, also none. */
export type PatternPart = string | null

/** The wildcard of a pattern. */
export const WILDCARD: PatternPart = null

/** Prepared: what it starts with, what lies between wildcards, what it ends with. */
export type Pattern = {
  readonly parts: readonly PatternPart[]
  readonly start: string
  readonly middle: readonly string[]
  readonly end: string | undefined
}

export function pattern(parts: readonly PatternPart[]): Pattern {
  const pieces = ['']
  for (const part of parts) {
    if (part === WILDCARD) pieces.push('')
    else pieces.push((pieces.pop() ?? '') + part)
  }
  const [start = '', ...rest] = pieces
  const end = rest.pop()
  return { parts, start, middle: rest.filter((piece) => piece !== ''), end }
}

/** Each piece is taken at its first place, which is never worse than a later one: no backtracking. */
export function matches(wanted: Pattern, source: string): boolean {
  if (wanted.end === undefined) return source === wanted.start
  if (!source.startsWith(wanted.start)) return false
  let at = wanted.start.length
  for (const piece of wanted.middle) {
    const found = source.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return source.length - wanted.end.length >= at && source.endsWith(wanted.end)
}
