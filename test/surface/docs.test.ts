import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { ATTESTORS } from '../../src/attestors/registry.ts'
import { CONDITIONS } from '../../src/conditions/registry.ts'
import { credentialProviders } from '../../src/credentials/registry.ts'
import { filesUnder, ROOT } from '../source-files.ts'
import { keysOf } from './schema-keys.ts'

const FOLDERS = ['src', 'test', 'docs', 'examples', 'bench', 'scripts', '.ci']
const AT_ROOT = ['README', 'ARCHITECTURE', 'STYLE', 'SECURITY', 'CONTRIBUTING', 'CHANGELOG']

const pages = [
  ...AT_ROOT.map((name) => join(ROOT, `${name}.md`)).filter(existsSync),
  ...['docs', 'examples', 'src', 'test', 'bench'].flatMap(filesUnder).filter((file) => file.endsWith('.md')),
]
const texts = new Map(
  [...new Set([...pages, ...FOLDERS.flatMap(filesUnder)])]
    .filter((file) => /\.(ts|mjs|md|ya?ml|cedar|sql|json)$|\.ci\/run$/.test(file))
    .map((file) => [relative(ROOT, file), readFileSync(file, 'utf8')]),
)

test('every page that the architecture names is there', () => {
  const named = ['words', 'errors', 'config', 'divergences', 'dependencies'].map((name) => `docs/${name}.md`)
  const missing = [...named, ...AT_ROOT.slice(1).map((name) => `${name}.md`)].filter(
    (page) => !existsSync(join(ROOT, page)),
  )
  expect(missing).toEqual([])
})

test('every link inside the repository leads somewhere', () => {
  const broken: string[] = []
  for (const page of pages) {
    const text = readFileSync(page, 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '')
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?:|mailto:)/.test(target)) continue
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page : join(dirname(page), path)
      if (!existsSync(file) || (anchor && !anchors(file).includes(anchor)))
        broken.push(`${relative(ROOT, page)} → ${target}`)
    }
  }
  expect(broken).toEqual([])
})

/** Headings as GitHub makes anchors of them. */
function anchors(file: string): readonly string[] {
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

test('a file that a page names in backticks exists', () => {
  const gone: string[] = []
  // Decisions and the changelog speak of their time.
  for (const page of pages.filter((each) => !/CHANGELOG\.md$|\/decisions\//.test(each))) {
    const named = readFileSync(page, 'utf8').matchAll(
      /`((?:src|test|docs|examples|bench|scripts)\/[\w./-]+\.(?:ts|md|mjs|sql|json|yaml))`/g,
    )
    for (const [, path = ''] of named) {
      if (!existsSync(join(ROOT, path))) gone.push(`${relative(ROOT, page)}: ${path}`)
    }
  }
  expect(gone).toEqual([])
})

test('each promise of SECURITY.md says where it is kept, and which test would notice', () => {
  const text = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8')
  const table = text.slice(text.indexOf('## What we promise'), text.indexOf('## What we assume'))
  const rows = table.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| promise'))
  const loose = rows.filter((row) => {
    const [, , where = '', tests = ''] = row.split('|')
    return !where.includes('`src/') || !/`(?:src|test)\/[^`]+\.ts`|the type checker/.test(tests)
  })
  expect(rows.length).toBeGreaterThan(20)
  expect(loose).toEqual([])
})

const plugIns = [
  ...[...ATTESTORS.values()].map(({ name, trust }) => ['attestor', name, trust] as const),
  ...[...credentialProviders().values()].map(({ name, config }) => ['credential', name, config] as const),
  ...[...CONDITIONS.values()].map(({ name, config }) => ['condition', name, config] as const),
]

test.each(plugIns)('the page of %s `%s` has each of its settings', (kind, name, schema) => {
  const page = readFileSync(join(ROOT, `docs/plugins/${kind}-${name}.md`), 'utf8')
  const keys = keysOf(schema)
    .map(({ path }) => path)
    .filter((path) => !path.includes('*') && !/^jwks\b./.test(path))
  const nested = (path: string) => keys.some((other) => other.startsWith(`${path}.`))
  expect(keys.filter((path) => !nested(path) && !page.includes(`| \`${path}\` |`))).toEqual([])
})

/** Paths that stand in every machine, or are examples of what an operator would write. */
const PUBLIC_PATHS =
  /^\/(?:run|tmp|etc\/(?:passwd|countersign|ssl)|var\/(?:cache|lib|run)|dev\/(?:null|shm)|proc|usr\/(?:bin|lib|share|sbin)|bin|sbin|home\/someone)\b/

test('nothing names a path outside of the repository, but the test data beside it', () => {
  const named: string[] = []
  for (const [file, text] of texts) {
    for (const [path] of text.matchAll(
      /(?<![\w.:/)\]}$*\\-])\/(?:work|root|home|mnt|opt|srv|Users)\/[\w./-]+/g,
    )) {
      if (!PUBLIC_PATHS.test(path)) named.push(`${file}: ${path}`)
    }
    for (const [path] of text.matchAll(/(?:\.\.\/)+shared\/(?!vectors)[\w-]*/g))
      named.push(`${file}: ${path}`)
  }
  expect(named).toEqual([])
})

/** Names that only an inner network knows. `cluster.local` is every Kubernetes cluster's own. */
const INNER_HOST = /\bhttps?:\/\/[\w.-]+\.(?:corp|intranet|lan|home\.arpa|(?<!cluster\.)local)\b/g

test('nothing names a private host', () => {
  const named = [...texts].flatMap(([file, text]) =>
    [...text.matchAll(INNER_HOST)].map(([host]) => `${file}: ${host}`),
  )
  expect(named).toEqual([])
})
