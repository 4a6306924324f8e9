import {
  type Document,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  parseAllDocuments,
  visit,
  type YAMLMap,
} from 'yaml'
import type { z } from 'zod'
import { DECLARED, DOCUMENTS, type DocumentKind } from '../../core/registry.ts'
import { type ConfigurationFile, didYouMean, type Problem, placeAt } from './problem.ts'

export type DeclaredKind = (typeof DECLARED)[number]

/** A declared document with its place, so that later checks can point at it. `value` is after the schema: defaults filled in. */
export type Declaration = {
  readonly kind: DeclaredKind
  readonly name: string
  readonly value: Readonly<Record<string, unknown>>
  readonly file: ConfigurationFile
  /** The place of a key path inside the document; of the document itself when the path isn't there. */
  readonly placeOf: (path: readonly PropertyKey[]) => Pick<Problem, 'path' | 'line' | 'column' | 'snippet'>
}

export type Read = { readonly declarations: readonly Declaration[]; readonly problems: readonly Problem[] }

const HEADS = new Set<string>([
  ...DECLARED.filter((kind) => kind !== 'condition' && kind !== 'policy'),
  'conditions',
])

/** Reads one YAML file of one or more documents. Duplicate keys, aliases and unknown keys are problems, not surprises. */
export function readYaml(file: ConfigurationFile): Read {
  const documents = parseAllDocuments(file.text, {
    lineCounter: new LineCounter(),
    merge: false,
    version: '1.2',
  })
  const read: { declarations: Declaration[]; problems: Problem[] } = { declarations: [], problems: [] }
  for (const document of Array.isArray(documents) ? documents : []) {
    const part = readDocument(file, document)
    read.declarations.push(...part.declarations)
    read.problems.push(...part.problems)
  }
  return read
}

function readDocument(file: ConfigurationFile, document: Document.Parsed): Read {
  if (document.errors.length > 0) {
    // What follows the first error of a document is mostly its echo.
    const problems = document.errors.slice(0, 1).map((error) => ({
      ...placeAt(file, error.pos[0]),
      code: 'configuration.yaml',
      says: error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? 'not YAML',
    }))
    return { declarations: [], problems }
  }
  if (document.contents === null) return { declarations: [], problems: [] }
  const alias = firstAlias(document)
  if (alias)
    return problem(file, alias, 'configuration.alias', 'an alias is not taken here: write the value out')
  const top = document.contents
  if (!isMap(top))
    return problem(
      file,
      top,
      'configuration.shape',
      'a document is a map that starts with what it declares, such as `agent: name`',
    )
  const head = [...top.items]
    .map((pair) => String(isScalar(pair.key) ? pair.key.value : pair.key))
    .find((key) => HEADS.has(key))
  if (!head) {
    const first = firstKey(top)
    return problem(
      file,
      top,
      'configuration.kind',
      `\`${first}\` is not something that can be declared`,
      didYouMean(first, HEADS),
    )
  }
  return head === 'conditions'
    ? readConditions(file, document, top)
    : readOne(file, document, top, head as DeclaredKind)
}

/** A few aliases of aliases fill the memory, and a reviewer can't see what they stand for. */
function firstAlias(document: Document.Parsed): Node | undefined {
  let found: Node | undefined
  visit(document, {
    Alias: (_key, node) => {
      found = node
      return visit.BREAK
    },
  })
  return found
}

function firstKey(map: YAMLMap): string {
  const key = map.items[0]?.key
  return isScalar(key) ? String(key.value) : ''
}

function problem(
  file: ConfigurationFile,
  node: Node,
  code: string,
  says: string,
  hint: { hint?: string } = {},
): Read {
  return { declarations: [], problems: [{ ...placeAt(file, node.range?.[0] ?? 0), code, says, ...hint }] }
}

/** `conditions: { name: { type: config } }` declares several at once. */
function readConditions(file: ConfigurationFile, document: Document.Parsed, top: YAMLMap): Read {
  const place = placer(file, document, top)
  const plain = document.toJS({ maxAliasCount: 0 }) as { conditions: unknown }
  const declarations: Declaration[] = []
  const problems: Problem[] = []
  for (const [name, test] of Object.entries((plain.conditions ?? {}) as Record<string, unknown>)) {
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

function readOne(file: ConfigurationFile, document: Document.Parsed, top: YAMLMap, kind: DeclaredKind): Read {
  const placeOf = placer(file, document, top)
  const value: unknown = document.toJS({ maxAliasCount: 0 })
  const parsed = applySchema(kind, value, placeOf)
  if (!parsed.value) return { declarations: [], problems: parsed.problems }
  const name = String(parsed.value[kind])
  return { declarations: [{ kind, name, value: parsed.value, file, placeOf }], problems: parsed.problems }
}

function placer(file: ConfigurationFile, document: Document.Parsed, top: YAMLMap): Declaration['placeOf'] {
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const key = keyNode(document, path.slice(0, length))
      if (key?.range) return placeAt(file, key.range[0])
    }
    return placeAt(file, top.range?.[0] ?? 0)
  }
}

/** The node of the key, not of its value: where a reader would look. */
function keyNode(document: Document.Parsed, path: readonly PropertyKey[]): Node | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  const last = path.at(-1)
  if (isMap(parent)) {
    const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(last))
    return isScalar(pair?.key) ? pair.key : undefined
  }
  const found = document.getIn(path, true)
  return found !== null && typeof found === 'object' && 'range' in found ? (found as Node) : undefined
}

type Parsed = { readonly value?: Readonly<Record<string, unknown>>; readonly problems: readonly Problem[] }

/** Applies a kind's schema and turns each issue into a problem with its place. */
export function applySchema(kind: DocumentKind, value: unknown, placeOf: Declaration['placeOf']): Parsed {
  const parsed = DOCUMENTS[kind].safeParse(value)
  if (parsed.success) return { value: parsed.data as Readonly<Record<string, unknown>>, problems: [] }
  return { problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, placeOf, value)) }
}

/** A zod issue as problems: one per unknown key, so that each has its own place and its own suggestion. */
export function problemsOf(
  issue: z.core.$ZodIssue,
  placeOf: Declaration['placeOf'],
  value: unknown,
): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      ...placeOf([...issue.path, key]),
      code: 'configuration.unknown_key',
      says: `unknown key \`${key}\``,
      ...didYouMean(key, KNOWN_KEYS),
    }))
  }
  const inner = issue.code === 'invalid_union' ? nearestOf(issue) : undefined
  if (inner) return problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, placeOf, value)
  const missing = valueAt(value, issue.path) === undefined
  const at = issue.path.map(String).join('.')
  const says = missing && at ? `\`${at}\` is missing` : `${at ? `\`${at}\`: ` : ''}${issue.message}`
  return [
    { ...placeOf(issue.path), code: missing ? 'configuration.missing_key' : 'configuration.value', says },
  ]
}

/** Of several forms that a value may have, the one that it came furthest in: `Invalid input` would say nothing. */
function nearestOf(issue: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssue | undefined {
  const first = issue.errors.flatMap((issues) => issues.slice(0, 1))
  return first.sort((a, b) => b.path.length - a.path.length)[0]
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at: unknown = value
  for (const key of path)
    at = at !== null && typeof at === 'object' ? (at as Record<PropertyKey, unknown>)[key] : undefined
  return at
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
]
