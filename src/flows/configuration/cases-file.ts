import { isMap, isScalar, isSeq, type YAMLMap } from 'yaml'
import { z } from 'zod'
import { givenSchema, type PolicyCase, policyCaseSchema } from '../../core/policy/policy-case.ts'
import type { ConfigurationFile, Problem } from './problem.ts'
import { openYaml, type PlaceOf, problemsIn, type YamlMap } from './yaml-source.ts'

/** A case as it was read, whoever's it is. */
export type ReadCase = {
  readonly what: PolicyCase
  readonly file: ConfigurationFile
  readonly placeOf: PlaceOf
}
export type ReadCases = { readonly cases: readonly ReadCase[]; readonly problems: readonly Problem[] }

export const isCases = (file: ConfigurationFile): boolean => /\.cases\.ya?ml$/.test(file.path)

const SHAPE = 'a file of cases is a map: `cases:` with a list, and `given:` with what all of them share'
const headSchema = z.strictObject({
  given: givenSchema.default({}),
  cases: z.array(z.record(z.string(), z.unknown()), { error: 'cases are a list' }).max(5000),
})
const KNOWN_KEYS = new Set([
  'given',
  'cases',
  ...Object.keys(policyCaseSchema.shape),
  'attributes',
  'source',
  'says',
  'age',
])

/** Reads a `.cases.yaml` file: `given` is filled into each case that doesn't say otherwise, and each must then be whole. */
export function readCases(file: ConfigurationFile): ReadCases {
  const { maps, problems } = openYaml(file, SHAPE)
  const read = { cases: [] as ReadCase[], problems: [...problems] }
  for (const map of maps) {
    const part = readMap(file, map)
    read.cases.push(...part.cases)
    read.problems.push(...part.problems)
  }
  return read
}

function readMap(file: ConfigurationFile, map: YamlMap): ReadCases {
  const head = headSchema.safeParse(map.plain)
  if (!head.success)
    return {
      cases: [],
      problems: head.error.issues.flatMap((issue) => problemsIn(issue, map.placeOf, map.plain, KNOWN_KEYS)),
    }
  const cases: ReadCase[] = []
  const problems: Problem[] = []
  for (const [index, own] of head.data.cases.entries()) {
    const placeOf = placeIn(map, index, own)
    const value = filled(head.data.given, own)
    const parsed = policyCaseSchema.safeParse(value)
    if (parsed.success) cases.push({ what: parsed.data, file, placeOf })
    else
      problems.push(...parsed.error.issues.flatMap((issue) => problemsIn(issue, placeOf, value, KNOWN_KEYS)))
  }
  return { cases, problems }
}

/** `tool` and `enter` exclude each other, so the one that a case names takes the other's place. `null` takes away what was given. */
function filled(
  given: Readonly<Record<string, unknown>>,
  own: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const { tool, enter, ...rest } = given
  const what = 'tool' in own || 'enter' in own ? {} : { tool, enter }
  return present({ ...rest, ...what, ...own })
}

function present(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined && each !== null))
}

/** What a case says itself is found there, what it was given at the head of the file. */
function placeIn(map: YamlMap, index: number, own: Readonly<Record<string, unknown>>): PlaceOf {
  const list = nodeOf(map.top, 'cases')
  const item = isSeq(list) ? list.items[index] : undefined
  return (path) => {
    const [first] = path
    if (typeof first === 'string' && !(first in own) && path.length > 0) {
      const given = nodeOf(map.top, 'given')
      if (isMap(given) && nodeOf(given, first) !== undefined) return map.placeOf(['given', ...path])
    }
    const [key] = isMap(item) ? item.items : []
    const name = isScalar(key?.key) ? String(key.key.value) : undefined
    if (path.length === 0 || (typeof first === 'string' && !(first in own)))
      return map.placeOf(['cases', index, ...(name === undefined ? [] : [name])])
    return map.placeOf(['cases', index, ...path])
  }
}

function nodeOf(map: YAMLMap, name: string): unknown {
  return map.items.find(({ key }) => isScalar(key) && key.value === name)?.value ?? undefined
}
