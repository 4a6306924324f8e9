import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runCorpus } from './cedar-corpus/run.ts'

/** The folder, as it was fetched: the corpus in it is packed. */
const HALF = fileURLToPath(new URL('../../../shared/vectors/cedar', import.meta.url))

test('every request of the Cedar half corpus has the decision, the reasons and the errors written there', async () => {
  const report = await runCorpus(HALF)
  expect(report.differences).toEqual([])
  expect(report.unsupported).toEqual([])
  expect([report.sets, report.requests]).toEqual([3907, 31_256])
}, 300_000)

async function small(name: string, policies: string, wanted: object): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cedar-small-'))
  const uid = { type: 'User', id: 'ana' }
  const request = { principal: uid, action: uid, resource: uid, context: {}, ...wanted }
  const test = { policies: 'p.cedar', entities: 'e.json', schema: 's', requests: [request] }
  await writeFile(join(folder, 'p.cedar'), policies)
  await writeFile(join(folder, 'e.json'), '[]')
  await writeFile(join(folder, 's'), '')
  await writeFile(join(folder, 't.json'), JSON.stringify(test))
  const report = await runCorpus(folder).finally(() => rm(folder, { recursive: true, force: true }))
  const counts = [report.requests, report.differences.length, report.unsupported.length]
  expect(counts.join(' '), name).toBe(name === 'agrees' ? '1 0 0' : name === 'differs' ? '1 1 0' : '1 0 1')
}

const ALL = '(principal, action, resource)'
const SKIPPED = `permit${ALL}; forbid${ALL} when { context.nothing };`

test('the runner tells agreement from a difference in decision, reason or error, and from what it can not judge', async () => {
  await small('agrees', SKIPPED, { decision: 'allow', reason: ['policy0'], errors: ['policy1'] })
  await small('differs', SKIPPED, { decision: 'deny', reason: ['policy0'], errors: ['policy1'] })
  await small('differs', SKIPPED, { decision: 'allow', reason: ['policy1'], errors: ['policy1'] })
  await small('differs', SKIPPED, { decision: 'allow', reason: ['policy0'], errors: [] })
  await small('unsupported', `permit${ALL} when { unknown("x") };`, {
    decision: 'deny',
    reason: [],
    errors: [],
  })
  await small('unsupported', 'permit (', { decision: 'deny', reason: [], errors: [] })
})
