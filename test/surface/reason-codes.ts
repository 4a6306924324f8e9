import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { filesUnder, ROOT } from '../source-files.ts'

/** Words of the shape of a reason that are none, each with what it is. An entry that the sources no longer hold fails a test. */
export const NOT_REASONS: Readonly<Record<string, string>> = {
  'sealing.key': 'a file of the server',
  'countersign.launch': 'a PostgreSQL setting: which start of ours a server belongs to',
  'ipaddr.js': 'a package',
  'kubernetes.io': 'a claim of Kubernetes tokens',
  'mark.json': 'a file of a journal',
  'package.json': 'a file',
  'pg_hba.conf': 'a file of PostgreSQL',
  'pg_ident.conf': 'a file of PostgreSQL',
  'postmaster.pid': 'a file of PostgreSQL',
  'schema.name': 'a form of table names, in a message',
  'server.log': 'a file of the embedded PostgreSQL',
  'admin.sock': 'a file: the admin socket',
  'context.conditions': 'what a policy reads, in Cedar',
  'err.config': 'a field that is cut out of logs',
}

/** Reasons that are put together at run time: the text that does it, as it stands in the sources, and all that it can give. */
export const COMPOSED: Readonly<Record<string, readonly string[]>> = {
  [`\`agent.\${workload.agent.state}\``]: ['agent.suspended', 'agent.retired'],
  [`\`journal.\${why}\``]: ['journal.gap', 'journal.fork', 'journal.altered'],
  [`\`journal.\${taken.why}\``]: ['journal.gap', 'journal.fork', 'journal.altered', 'journal.tenant'],
  [`\`policy.\${kind}\``]: ['policy.malformed', 'policy.unsupported'],
  [`\`entities.\${kind}\``]: ['entities.duplicate', 'entities.cycle'],
  [`\`input.\${kind}\``]: [
    'input.entity',
    'input.extension',
    'input.null',
    'input.number',
    'input.reserved_key',
    'input.text',
    'input.too_deep',
  ],
  [`\`sign_in.\${what}\``]: ['sign_in.answer', 'sign_in.denied'],
  [`\`admin.\${what}\``]: ['admin.body', 'admin.query'],
  "replace(/^token\\./, 'subject.')": [
    'subject.alg',
    'subject.expired',
    'subject.future',
    'subject.issuer',
    'subject.malformed',
    'subject.revoked',
    'subject.signature',
    'subject.typ',
  ],
}

const CODE = /^[a-z_]+(?:\.[a-z_0-9]+)+$/
const LITERAL = /(['"`])([a-z_]+(?:\.[a-z_0-9]+)+)\1/g
/** A template that starts with a word and a dot, or a rewrite of the first word of a reason. */
const COMPOSING = /`[a-z_]+\.\$\{[^}`]*\}`|replace\(\/\^\w+\\\.\/, '\w+\.'\)/g
const KINDS = 'malformed|unauthenticated|stale|denied|ask|unknown|limited'
/** The forms in which a kind stands beside its reason. */
const WITH_KIND = [
  new RegExp(`\\b(?:refuse|bad)\\(\\s*'(?<kind>${KINDS})',\\s*'(?<code>[a-z_.0-9]+)'`, 'g'),
  new RegExp(`'(?<code>[a-z_]+\\.[a-z_.0-9]+)':\\s*\\[?\\s*'(?<kind>${KINDS})'`, 'g'),
  new RegExp(`refused: '(?<kind>${KINDS})',\\s*reason: '(?<code>[a-z_.0-9]+)'`, 'g'),
]
const FAULT = /new Unavailable\(\s*'(?<code>[a-z_.0-9]+)'/g

type Found = { readonly files: Set<string>; readonly kinds: Set<string> }

/** The sources as the program has them, without their comments. */
export function sourceTexts(): ReadonlyMap<string, string> {
  const files = filesUnder('src').filter(
    (file) => file.endsWith('.ts') && !/\.(test|fixture)\.ts$/.test(file),
  )
  return new Map(files.map((file) => [relative(ROOT, file), withoutComments(readFileSync(file, 'utf8'))]))
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1')
}

/** Every reason that the sources can give, with where it stands and the kinds it is given with where that can be read. */
export function reasonsInSources(texts: ReadonlyMap<string, string>): ReadonlyMap<string, Found> {
  const found = new Map<string, Found>()
  const add = (code: string, file: string, kind?: string) => {
    if (!CODE.test(code) || code in NOT_REASONS) return
    const entry = found.get(code) ?? { files: new Set(), kinds: new Set() }
    entry.files.add(file)
    if (kind) entry.kinds.add(kind)
    found.set(code, entry)
  }
  for (const [file, text] of texts) {
    for (const match of text.matchAll(LITERAL)) add(match[2] ?? '', file)
    for (const form of WITH_KIND) {
      for (const { groups } of text.matchAll(form)) add(groups?.['code'] ?? '', file, groups?.['kind'])
    }
    for (const { groups } of text.matchAll(FAULT)) add(groups?.['code'] ?? '', file, 'fault')
    for (const composing of composedIn(text)) for (const code of COMPOSED[composing] ?? []) add(code, file)
  }
  return found
}

/** The places where a text puts a reason together. */
export function composedIn(text: string): readonly string[] {
  return [...text.matchAll(COMPOSING)].map((match) => match[0])
}

/** A line of a table in docs/errors.md. */
type Documented = { readonly code: string; readonly wire: string; readonly cells: readonly string[] }

export function documentedReasons(): readonly Documented[] {
  const lines = readFileSync(`${ROOT}/docs/errors.md`, 'utf8').split('\n')
  return lines.flatMap((line) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim())
    const code = /^`([a-z_.0-9]+)`$/.exec(cells[1] ?? '')?.[1]
    return code ? [{ code, wire: cells[2] ?? '', cells: cells.slice(1, -1) }] : []
  })
}
