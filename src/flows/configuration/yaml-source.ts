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
import { type ConfigurationFile, didYouMean, type Problem, placeAt } from './problem.ts'

/** A place in a file's text, with its source line. */
export type Place = Pick<Problem, 'path' | 'line' | 'column' | 'snippet'>

/** The place of a key path inside a document; of the document itself when the path isn't there. */
export type PlaceOf = (path: readonly PropertyKey[]) => Place

/** One document of a file: a map without aliases. `plain` is what it holds, before any schema. */
export type YamlMap = {
  readonly top: YAMLMap
  readonly plain: Readonly<Record<string, unknown>>
  readonly placeOf: PlaceOf
}

export type YamlSource = { readonly maps: readonly YamlMap[]; readonly problems: readonly Problem[] }

/** Reads the documents of a YAML file. Duplicate keys, aliases and what is no map are problems, not surprises; `shape` says what is taken. */
export function openYaml(file: ConfigurationFile, shape: string): YamlSource {
  const documents = parseAllDocuments(file.text, {
    lineCounter: new LineCounter(),
    merge: false,
    version: '1.2',
  })
  const maps: YamlMap[] = []
  const problems: Problem[] = []
  for (const document of Array.isArray(documents) ? documents : []) {
    const wrong = wrongWith(file, document, shape)
    if (wrong) problems.push(wrong)
    else if (isMap(document.contents)) {
      const plain = document.toJS({ maxAliasCount: 0 }) as Readonly<Record<string, unknown>>
      maps.push({ top: document.contents, plain, placeOf: placer(file, document, document.contents) })
    }
  }
  return { maps, problems }
}

function wrongWith(file: ConfigurationFile, document: Document.Parsed, shape: string): Problem | undefined {
  // What follows the first error of a document is mostly its echo.
  const [error] = document.errors
  if (error) {
    const says = error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? 'not YAML'
    return { ...placeAt(file, error.pos[0]), code: 'configuration.yaml', says }
  }
  if (document.contents === null) return undefined
  const alias = firstAlias(document)
  const at = (node: Node, code: string, says: string): Problem => ({
    ...placeAt(file, node.range?.[0] ?? 0),
    code,
    says,
  })
  if (alias) return at(alias, 'configuration.alias', 'an alias is not taken here: write the value out')
  return isMap(document.contents) ? undefined : at(document.contents, 'configuration.shape', shape)
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

function placer(file: ConfigurationFile, document: Document.Parsed, top: YAMLMap): PlaceOf {
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

/** A zod issue as problems: one per unknown key, so that each has its own place and its own suggestion among those that are `known`. */
export function problemsIn(
  issue: z.core.$ZodIssue,
  placeOf: PlaceOf,
  value: unknown,
  known: Iterable<string>,
): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      ...placeOf([...issue.path, key]),
      code: 'configuration.unknown_key',
      says: `unknown key \`${key}\``,
      ...didYouMean(key, known),
    }))
  }
  const inner = issue.code === 'invalid_union' ? nearestOf(issue) : undefined
  if (inner) return problemsIn({ ...inner, path: [...issue.path, ...inner.path] }, placeOf, value, known)
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
