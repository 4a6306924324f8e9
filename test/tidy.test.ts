import { readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { filesUnder, importsOf, ROOT } from './source-files.ts'

/** Who may import whom (ARCHITECTURE §6). `main` is the program's entry, the only one beside server that sees both sides. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: ['core'],
  lib: ['lib'],
  flows: ['core', 'flows', 'lib'],
  attestors: ['attestors', 'core', 'lib'],
  credentials: ['credentials', 'core', 'lib'],
  sinks: ['sinks', 'core', 'lib'],
  stores: ['stores', 'core', 'lib'],
  conditions: ['conditions', 'core'],
  protocols: ['protocols', 'core', 'flows', 'lib'],
  sdk: ['sdk', 'core'],
  cli: ['cli', 'sdk', 'core'],
  server: [
    'server',
    'core',
    'lib',
    'flows',
    'attestors',
    'credentials',
    'sinks',
    'stores',
    'conditions',
    'protocols',
    'sdk',
  ],
  'main.ts': ['server', 'cli'],
}

/** Words that say nothing in a file name (ARCHITECTURE §5). */
const BANNED_IN_NAMES = [
  'manager',
  'service',
  'helper',
  'helpers',
  'utils',
  'util',
  'handler',
  'handlers',
  'data',
  'info',
]

const MAX_FILE_LINES = 400
const sources = filesUnder('src').filter((file) => file.endsWith('.ts'))
const production = sources.filter((file) => !file.endsWith('.test.ts'))

function areaOf(file: string): string {
  return relative(join(ROOT, 'src'), file).split('/')[0] ?? ''
}

test('every folder under src is one that the architecture names', () => {
  const unknown = sources.map(areaOf).filter((area) => !(area in MAY_IMPORT))
  expect([...new Set(unknown)]).toEqual([])
})

test('nobody imports what it may not', () => {
  const wrong: string[] = []
  for (const file of production) {
    for (const target of importsOf(file).filter((path) => path.startsWith('.'))) {
      const to = areaOf(resolve(dirname(file), target))
      if (!(MAY_IMPORT[areaOf(file)] ?? []).includes(to)) wrong.push(`${relative(ROOT, file)} → ${target}`)
    }
  }
  expect(wrong).toEqual([])
})

test('the core has no I/O, no clock and no randomness', () => {
  const wrong: string[] = []
  const allowed = new Set(['node:crypto', 'node:util', 'zod', 'canonicalize'])
  for (const file of production.filter((each) => areaOf(each) === 'core')) {
    const text = readFileSync(file, 'utf8')
    for (const target of importsOf(file).filter((path) => !path.startsWith('.'))) {
      if (!allowed.has(target)) wrong.push(`${relative(ROOT, file)} imports ${target}`)
    }
    for (const banned of [
      /\bDate\.now\(/,
      /\bnew Date\(\)/,
      /\bMath\.random\(/,
      /\brandom(UUID|Bytes)\b/,
      /\basync\b/,
      /\bawait\b/,
    ]) {
      if (banned.test(text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')))
        wrong.push(`${relative(ROOT, file)} uses ${banned.source}`)
    }
  }
  expect(wrong).toEqual([])
})

test('no file is longer than its reader', () => {
  const long = [...sources, ...filesUnder('test'), ...filesUnder('bench'), ...filesUnder('examples')]
    .filter((file) => file.endsWith('.ts'))
    .map((file) => ({ file: relative(ROOT, file), lines: readFileSync(file, 'utf8').split('\n').length - 1 }))
    .filter(({ lines }) => lines > MAX_FILE_LINES)
  expect(long).toEqual([])
})

test('no file is named by a word that says nothing', () => {
  const named = production.filter((file) =>
    basename(file, '.ts')
      .split(/[-.]/)
      .some((word) => BANNED_IN_NAMES.includes(word)),
  )
  expect(named.map((file) => relative(ROOT, file))).toEqual([])
})

test('nothing is left for later in the code, and no type check is switched off', () => {
  const marks = [/\bTODO\b/, /\bFIXME\b/, /@ts-(ignore|expect-error|nocheck)/, /biome-ignore/, /\bas any\b/]
  const found = production.flatMap((file) => {
    const text = readFileSync(file, 'utf8').replaceAll(/\bas any \w/g, '')
    return marks.filter((mark) => mark.test(text)).map((mark) => `${relative(ROOT, file)}: ${mark.source}`)
  })
  expect(found).toEqual([])
})

test('every plug-in has a docs page', () => {
  const kinds: Readonly<Record<string, string>> = {
    attestors: 'attestor',
    credentials: 'credential',
    conditions: 'condition',
    sinks: 'sink',
  }
  const missing = production
    .filter((file) => areaOf(file) in kinds && relative(join(ROOT, 'src', areaOf(file)), file).includes('/'))
    .map((file) => {
      const [area = '', name = ''] = relative(join(ROOT, 'src'), file).split('/')
      return `docs/plugins/${kinds[area]}-${name}.md`
    })
    .filter((page) => !filesUnder('docs/plugins').includes(join(ROOT, page)))
  expect([...new Set(missing)]).toEqual([])
})
