import type { Json } from './access-request.ts'

/** One place where two definitions differ. `at` is the path, `inputSchema.properties.bcc`; a side that lacks it has no value. */
export type DefinitionDifference = { readonly at: string; readonly before?: Json; readonly after?: Json }

/** Differences that are told; beyond it only that there are more would help nobody. */
const MOST = 200

/** Where two JSON values differ, as deep as they can be compared: members by name, elements by place. In the order of names. */
export function differences(
  before: Json | undefined,
  after: Json | undefined,
): readonly DefinitionDifference[] {
  const found: DefinitionDifference[] = []
  compare(before, after, '', found)
  return found
}

function compare(
  before: Json | undefined,
  after: Json | undefined,
  at: string,
  found: DefinitionDifference[],
): void {
  if (found.length >= MOST || before === after) return
  const [left, right] = [membersOf(before), membersOf(after)]
  if (left === undefined || right === undefined || Array.isArray(before) !== Array.isArray(after)) {
    const sides = { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }
    found.push({ at, ...sides })
    return
  }
  for (const name of [...new Set([...left.keys(), ...right.keys()])].sort()) {
    compare(left.get(name), right.get(name), joined(at, name, Array.isArray(before)), found)
  }
}

function membersOf(value: Json | undefined): ReadonlyMap<string, Json> | undefined {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined
}

const PLAIN = /^[A-Za-z_$][\w$-]*$/

function joined(at: string, name: string, isElement: boolean): string {
  if (isElement) return `${at}[${name}]`
  if (!PLAIN.test(name)) return `${at}[${JSON.stringify(name)}]`
  return at === '' ? name : `${at}.${name}`
}
