import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runCorpus } from './cedar-corpus/run.ts'

const HALF = fileURLToPath(new URL('../../../shared/vectors/cedar/corpus-tests-half.tar.gz', import.meta.url))

test('every request of the Cedar half corpus has the decision, the reasons and the errors written there', async () => {
  const report = await runCorpus(HALF)
  expect(report.differences).toEqual([])
  expect(report.unsupported).toEqual([])
  expect([report.sets, report.requests]).toEqual([3907, 31_256])
}, 300_000)
