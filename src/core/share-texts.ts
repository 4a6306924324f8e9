/** Two generations: what is asked for again is carried over, what came once is forgotten. */
let young = new Map<string, string>()
let old = new Map<string, string>()
const MOST = 20_000
const LONGEST = 64

/**
 * A document in which texts that many others hold too (names of groups, resources and tools, values of attributes) are the very same strings:
 * a tenth of the memory of such a text, and at hand in the processor's cache when the next agent's is compared. Writes into `doc`, which nobody
 * else has seen yet.
 */
export function shareTexts<T extends object>(doc: T): T {
  const fields = doc as Record<string, unknown>
  for (const name of Object.keys(fields)) {
    const value = fields[name]
    if (typeof value === 'string') fields[name] = shared(value)
    else if (typeof value === 'object' && value !== null) shareTexts(value)
  }
  return doc
}

function shared(text: string): string {
  if (text.length > LONGEST) return text
  const known = young.get(text)
  if (known !== undefined) return known
  const before = old.get(text) ?? text
  if (young.size >= MOST) [old, young] = [young, new Map()]
  young.set(before, before)
  return before
}
