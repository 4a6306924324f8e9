/** A string of JSON, with its quotes. */
const STRING = /"(?:[^"\\]|\\.)*"/g
/** What follows the name of a member. */
const COLON = /[ \t\n\r]*:/y

/**
 * Reads JSON by `parse` (`JSON.parse`, with a reviver or without) so that every member has its own name.
 *
 * V8 14.6 (Node 26) takes the first characters of how a name is spelled for the name, if the name is written with an escape and another
 * object had a member called like those characters before: after `{"a":1,"\\u0062":1}`, `{"a":1,"\u0062cd":1}` has a member `\u0062`. Who
 * sent the first may be anybody, so nobody's arguments would be safe from others'. A wrong name always holds a backslash; what has such a name
 * is read again with names that need no escape in the place of those that have one.
 */
export function parseNames(text: string, parse: (text: string) => unknown): unknown {
  const value = parse(text)
  return text.includes('\\') && hasBackslash(value) ? parsePlainly(text, parse) : value
}

/** Without recursion: whether it nests too deep is for others to say. */
function hasBackslash(value: unknown): boolean {
  const open: unknown[] = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null) continue
    if (Array.isArray(next)) for (const item of next) open.push(item)
    else
      for (const [name, item] of Object.entries(next)) {
        if (name.includes('\\')) return true
        open.push(item)
      }
  }
  return false
}

function parsePlainly(text: string, parse: (text: string) => unknown): unknown {
  let mark = '\ue000'
  while (text.includes(mark)) mark += '\ue000'
  const names: string[] = []
  const plain = text.replace(STRING, (string, at: number) => {
    COLON.lastIndex = at + string.length
    if (!string.includes('\\') || !COLON.test(text)) return string
    // A string by itself is read as it should be.
    names.push(JSON.parse(string) as string)
    return `"${mark}${names.length - 1}"`
  })
  return named(parse(plain), (name) =>
    name.startsWith(mark) ? (names[Number(name.slice(mark.length))] ?? name) : name,
  )
}

function named(value: unknown, nameOf: (name: string) => string): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => named(item, nameOf))
  // `JSON.rawJSON` and whatever else a reviver made has no prototype or another one, and no names of the text.
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [nameOf(name), named(item, nameOf)]))
}
