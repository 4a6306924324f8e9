import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { isJsonObject, type Json, member, parseExactJson } from '../../../src/core/policy/cedar/json.ts'

/** One policy set of the corpus: its texts, its entities and its requests. */
export type CorpusSet = {
  readonly name: string
  readonly policies: string
  readonly schema: string
  readonly entities: Json
  readonly requests: readonly Json[]
}

/** A corpus on disk: the test files, and the folder that the paths inside them start from. */
export type Corpus = {
  readonly root: string
  readonly tests: readonly string[]
  readonly remove: () => Promise<void>
}

/** Opens a folder, or unpacks a `.tar.gz`, or each of those in a folder, into a temporary one; `remove` takes that away again. */
export async function openCorpus(path: string): Promise<Corpus> {
  const archives = await archivesAt(path)
  if (archives.length === 0) return { ...(await findTests(path)), remove: async () => undefined }
  const root = await mkdtemp(join(tmpdir(), 'cedar-corpus-'))
  const remove = (): Promise<void> => rm(root, { recursive: true, force: true })
  try {
    for (const archive of archives) await untar(archive, root)
    return { ...(await findTests(root)), remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** A corpus is published packed, so a folder may hold it as it was fetched. */
async function archivesAt(path: string): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [path]
  const names = await readdir(path)
  return names.filter((name) => name.endsWith('.tar.gz')).map((name) => join(path, name))
}

function untar(archive: string, into: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const tar = spawn('tar', ['-xzf', archive, '-C', into], { stdio: ['ignore', 'ignore', 'inherit'] })
  tar.on('error', reject)
  tar.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`tar ended with ${code}`))))
  return promise
}

async function findTests(root: string): Promise<{ root: string; tests: string[] }> {
  const names = await readdir(root, { recursive: true })
  const tests = names.filter((name) => name.endsWith('.json') && !name.endsWith('.entities.json')).sort()
  if (tests.length === 0) throw new Error(`${root} holds no test of the corpus`)
  return { root, tests: tests.map((name) => join(root, name)) }
}

/** Reads a test and the files it names; undefined for a JSON file that is none. */
export async function readSet(corpus: Corpus, test: string): Promise<CorpusSet | undefined> {
  const json = parseExactJson(await readFile(test, 'utf8'))
  const requests = isJsonObject(json) ? member(json, 'requests') : undefined
  if (!isJsonObject(json) || !Array.isArray(requests)) return undefined
  const text = (key: string): Promise<string> => readBeside(corpus.root, test, member(json, key))
  const [policies, schema, entities] = await Promise.all([text('policies'), text('schema'), text('entities')])
  return { name: test, policies, schema, entities: parseExactJson(entities), requests }
}

/** Paths in a test start at the corpus's parent folder, wherever that was unpacked to. */
async function readBeside(root: string, test: string, path: Json | undefined): Promise<string> {
  if (typeof path !== 'string') throw new Error(`${test} does not name its files`)
  for (let from = dirname(test); from.startsWith(root) || from === dirname(root); from = dirname(from)) {
    const found = await readFile(join(from, path), 'utf8').catch(() => undefined)
    if (found !== undefined) return found
  }
  throw new Error(`${test} names ${path}, which is not there`)
}
