/** What is wrong with a query or a form. */
export type ParametersProblem = 'escape' | 'repeated' | 'too_many'
export type Parameters = ReadonlyMap<string, readonly string[]>

const MAX_PARAMETERS = 100
const NONE: Parameters = new Map()

/**
 * Reads `application/x-www-form-urlencoded`, strictly: each name once unless it is in `repeatable`, since two readers of a repeated
 * one believe different values (RFC 6749 §3.2 forbids it); percent escapes whole and UTF-8; no NUL.
 */
export function readParameters(
  text: string,
  repeatable: readonly string[] = [],
): Parameters | ParametersProblem {
  if (text === '') return NONE
  const found = new Map<string, string[]>()
  const pairs = text.split('&')
  if (pairs.length > MAX_PARAMETERS) return 'too_many'
  for (const pair of pairs) {
    if (pair === '') continue
    const at = pair.indexOf('=')
    const name = decode(at < 0 ? pair : pair.slice(0, at))
    const value = at < 0 ? '' : decode(pair.slice(at + 1))
    if (name === undefined || value === undefined) return 'escape'
    const before = found.get(name)
    if (before === undefined) found.set(name, [value])
    else if (repeatable.includes(name)) before.push(value)
    else return 'repeated'
  }
  return found
}

function decode(text: string): string | undefined {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  const decoded = spaced.includes('%') ? decodePercent(spaced) : spaced
  return decoded?.includes('\0') ? undefined : decoded
}

/** Undefined where an escape is cut short or its bytes are not UTF-8. */
export function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
