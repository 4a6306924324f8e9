import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { linkedPolicySchema, writtenPolicySchema } from '../../src/core/policy/policy.ts'
import { DECLARED, DOCUMENTS } from '../../src/core/registry.ts'
import { serverSchema } from '../../src/server/config.ts'
import { ROOT } from '../source-files.ts'
import { alternatives, type Key, keysOf } from './schema-keys.ts'

const page = readFileSync(`${ROOT}/docs/config.md`, 'utf8')

/** What the program takes: a section of the page → the schema of it. */
const schemas = new Map<string, unknown>([['server', serverSchema]])
schemas.set('policy', writtenPolicySchema).set('policy linked', linkedPolicySchema)
for (const kind of DECLARED.filter((each) => each !== 'policy')) {
  for (const [type, schema] of alternatives(DOCUMENTS[kind], 'type')) {
    schemas.set(type === '' ? kind : `${kind} ${type}`, schema)
  }
}

/** The tables of a section: first cell the key, third the default. A section begins with `### \`name\``. */
function documented(section: string): readonly Key[] {
  const start = page.indexOf(`\n### \`${section}\``)
  if (start < 0) return []
  const end = page.slice(start + 1).search(/\n##/)
  const text = end < 0 ? page.slice(start) : page.slice(start, start + 1 + end)
  return text.split('\n').flatMap((line) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim())
    const path = /^`([^`]+)`$/.exec(cells[1] ?? '')?.[1]
    return path ? [{ path, fallback: (cells[3] ?? '').replaceAll('`', '') }] : []
  })
}

test.each([...schemas.keys()])('docs/config.md has every key of `%s`, and no other', (section) => {
  const known = keysOf(schemas.get(section)).map(({ path }) => path)
  const written = documented(section).map(({ path }) => path)
  expect([...written].sort()).toEqual([...new Set(known)].sort())
})

test.each([...schemas.keys()])('docs/config.md gives the defaults of `%s`', (section) => {
  const known = new Map(keysOf(schemas.get(section)).map(({ path, fallback }) => [path, fallback]))
  const wrong = documented(section).filter(({ path, fallback }) => known.get(path) !== fallback)
  expect(wrong).toEqual([])
})

test('docs/config.md has a section for each kind that can be declared, and for no other', () => {
  const sections = [...page.matchAll(/^### `([^`]+)`/gm)].map((match) => match[1])
  expect(sections.sort()).toEqual([...schemas.keys()].sort())
})
