import { readFileSync } from 'node:fs'
import { basename, relative } from 'node:path'
import { expect, test } from 'vitest'
import { filesUnder, ROOT } from '../source-files.ts'

const page = readFileSync(`${ROOT}/docs/words.md`, 'utf8')

/** Words that no exported type is called by, each with where its meaning lives instead. */
const WITHOUT_TYPE: Readonly<Record<string, string>> = {
  TrustDomain: 'a setting of jwt-spiffe, `trust_domain`',
  Task: 'the work a lease is for; a request names it, nothing keeps it',
  Owner: 'a key of Agent',
  Evidence: 'what an attestor takes: a JWT, as text',
  Selector: 'text, `type:value`, in an Attestation',
  Principal: 'Agent or User; what is named together is PrincipalChain',
  Session: 'SessionRow, since flows only ever meet the row',
  Context: 'what a Frame gives to policy',
  Obligation: 'a rule of the architecture that no policy can ask for yet',
  Approval: 'the answer to an Ask; asked for, not yet given',
  Signal: 'a Fact that was reported, or a logout',
  Fault: 'Unavailable and Bug',
  Document: 'DocumentOf and Documents',
  Guest: 'an Agent with an Admission',
  Feed: 'the frames of the gateway protocol',
  Recorder: 'RecorderId names one',
}
/** Said by OAuth or too vague to mean one thing (docs/words.md). */
const BANNED = ['Consent', 'Permission', 'Identity']
const BANNED_FILES = ['manager', 'service', 'helper', 'utils', 'handler', 'data', 'info']

const production = filesUnder('src').filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))

/** Exported types, classes and interfaces, with the files that export them. */
function exportedTypes(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const file of production) {
    const declared = readFileSync(file, 'utf8').matchAll(
      /^export (?:type|interface|class|abstract class) ([A-Z]\w*)/gm,
    )
    for (const [, name = ''] of declared) found.set(name, [...(found.get(name) ?? []), relative(ROOT, file)])
  }
  return found
}

/** The words of the table's first column: `Credential, Placement, Binding` are three. */
function words(): readonly string[] {
  const rows = [...page.matchAll(/^\| ([A-Z][A-Za-z, ]+) \|/gm)]
  return rows.flatMap(([, cell = '']) => cell.split(',').map((word) => word.trim()))
}

const types = exportedTypes()

test('every word is the name of an exported type, or it is said what carries its meaning', () => {
  const loose = words().filter((word) => !types.has(word) && !(word in WITHOUT_TYPE))
  expect(loose).toEqual([])
})

test('what is excused from having a type is a word, and has none', () => {
  const wrong = Object.keys(WITHOUT_TYPE).filter((word) => types.has(word) || !words().includes(word))
  expect(wrong).toEqual([])
})

test('a word is explained once', () => {
  expect(words().filter((word, index) => words().indexOf(word) !== index)).toEqual([])
})

test('a word of the core is exported by one file of the core', () => {
  const twice = words().filter(
    (word) => (types.get(word) ?? []).filter((file) => file.startsWith('src/core/')).length > 1,
  )
  expect(twice).toEqual([])
})

test('no exported type is called by a word that is kept for something else', () => {
  expect([...types.keys()].filter((name) => BANNED.includes(name))).toEqual([])
})

test('the page names the words that are not used, and the ones that files are not named by', () => {
  const last = page.slice(page.indexOf('Not used as type names'))
  const missing = [...BANNED, ...BANNED_FILES].filter((word) => !last.includes(word.toLowerCase()))
  expect(missing).toEqual([])
})

test('every noun of the core with a type of its name is a word, or belongs to one', () => {
  const known = words().map((word) => kebab(word))
  const nouns = production
    .filter((file) => /src\/core\/(identity|lifecycle|credential)\//.test(file))
    .filter((file) => types.get(camel(basename(file, '.ts')))?.includes(relative(ROOT, file)))
    .map((file) => basename(file, '.ts'))
  expect(nouns.filter((noun) => !known.includes(noun))).toEqual([])
})

function kebab(word: string): string {
  return word.replaceAll(/([a-z])([A-Z])/g, '$1-$2').toLowerCase()
}

function camel(noun: string): string {
  return noun.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
