import { isScalar, type YAMLMap } from 'yaml'
import type { z } from 'zod'
import { linkedPolicySchema } from '../../core/policy/policy.ts'
import { DECLARED, DOCUMENTS, type DocumentKind } from '../../core/registry.ts'
import { type ConfigurationFile, didYouMean, type Problem } from './problem.ts'
import { openYaml, type PlaceOf, problemsIn, type YamlMap } from './yaml-source.ts'

export type DeclaredKind = (typeof DECLARED)[number]

/** A declared document with its place, so that later checks can point at it. `value` is after the schema: defaults filled in. */
export type Declaration = {
  readonly kind: DeclaredKind
  readonly name: string
  readonly value: Readonly<Record<string, unknown>>
  readonly file: ConfigurationFile
  readonly placeOf: PlaceOf
}

export type Read = { readonly declarations: readonly Declaration[]; readonly problems: readonly Problem[] }

const HEADS = new Set<string>([
  ...DECLARED.filter((kind) => kind !== 'condition' && kind !== 'template'),
  'conditions',
])

const SHAPE = 'a document is a map that starts with what it declares, such as `agent: name`'

/** Reads one YAML file of one or more documents. Duplicate keys, aliases and unknown keys are problems, not surprises. */
export function readYaml(file: ConfigurationFile): Read {
  const { maps, problems } = openYaml(file, SHAPE)
  const read: { declarations: Declaration[]; problems: Problem[] } = {
    declarations: [],
    problems: [...problems],
  }
  for (const map of maps) {
    const part = readDocument(file, map)
    read.declarations.push(...part.declarations)
    read.problems.push(...part.problems)
  }
  return read
}

function readDocument(file: ConfigurationFile, map: YamlMap): Read {
  const head = Object.keys(map.plain).find((key) => HEADS.has(key))
  if (head === 'conditions') return readConditions(file, map)
  if (head) return readOne(file, map, head as DeclaredKind)
  const first = firstKey(map.top)
  const says = `\`${first}\` is not something that can be declared`
  const problem = { ...map.placeOf([]), code: 'configuration.kind', says, ...didYouMean(first, HEADS) }
  return { declarations: [], problems: [problem] }
}

function firstKey(map: YAMLMap): string {
  const key = map.items[0]?.key
  return isScalar(key) ? String(key.value) : ''
}

/** `conditions: { name: { type: config } }` declares several at once. */
function readConditions(file: ConfigurationFile, { plain, placeOf: place }: YamlMap): Read {
  const declarations: Declaration[] = []
  const problems: Problem[] = []
  for (const [name, test] of Object.entries((plain['conditions'] ?? {}) as Record<string, unknown>)) {
    const entries = test !== null && typeof test === 'object' ? Object.entries(test) : []
    const [type, config] = entries[0] ?? []
    const placeOf = (path: readonly PropertyKey[]) => place(['conditions', name, ...path])
    if (entries.length !== 1) {
      problems.push({
        ...placeOf([]),
        code: 'configuration.shape',
        says: `condition \`${name}\` names exactly one test, such as \`time\``,
      })
    } else {
      const value = { condition: name, type, config }
      const parsed = applySchema('condition', value, (path) =>
        placeOf(path[0] === 'config' ? [String(type), ...path.slice(1)] : []),
      )
      problems.push(...parsed.problems)
      if (parsed.value) declarations.push({ kind: 'condition', name, value: parsed.value, file, placeOf })
    }
  }
  return { declarations, problems }
}

function readOne(file: ConfigurationFile, { plain: value, placeOf }: YamlMap, kind: DeclaredKind): Read {
  const parsed = applySchema(kind, value, placeOf)
  if (!parsed.value) return { declarations: [], problems: parsed.problems }
  const name = String(parsed.value[kind])
  return { declarations: [{ kind, name, value: parsed.value, file, placeOf }], problems: parsed.problems }
}

type Parsed = { readonly value?: Readonly<Record<string, unknown>>; readonly problems: readonly Problem[] }

/** Applies a kind's schema and turns each issue into a problem with its place. */
export function applySchema(kind: DocumentKind, value: unknown, placeOf: PlaceOf): Parsed {
  const parsed = schemaOf(kind).safeParse(value)
  if (parsed.success) return { value: parsed.data as Readonly<Record<string, unknown>>, problems: [] }
  return { problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, placeOf, value)) }
}

/** A policy that is declared as a document is made of a template; others are written in Cedar. */
function schemaOf(kind: DocumentKind): z.ZodType {
  return kind === 'policy' ? linkedPolicySchema : DOCUMENTS[kind]
}

/** The same as `problemsIn`, with the keys of documents for suggestions. */
export function problemsOf(issue: z.core.$ZodIssue, placeOf: PlaceOf, value: unknown): Problem[] {
  return problemsIn(issue, placeOf, value, KNOWN_KEYS)
}

const COMMON_KEYS = new Set(
  Object.values(DOCUMENTS).flatMap((schema) => ('shape' in schema ? Object.keys(schema.shape) : [])),
)

/** Candidates for a suggestion: every key that some document knows. */
const KNOWN_KEYS: readonly string[] = [
  ...COMMON_KEYS,
  'type',
  'at',
  'labels',
  'clearance',
  'alone',
  'staleness',
  'credential',
  'data',
  'tools',
  'read',
  'write',
  'provider',
  'life',
  ...Object.keys(linkedPolicySchema.shape),
]
