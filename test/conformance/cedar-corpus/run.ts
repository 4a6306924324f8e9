import { type Cedar, openCedar } from '../../../src/lib/cedar/cedar.ts'
import { openCorpus, readSet } from './corpus.ts'
import { judgeSet } from './judge.ts'

export type CorpusReport = {
  readonly sets: number
  readonly requests: number
  readonly differences: readonly string[]
  readonly unsupported: readonly string[]
}

/** Runs a whole corpus (`.tar.gz` or folder). `progress` hears after each set how many of how many are done. */
export async function runCorpus(
  path: string,
  progress: (done: number, of: number) => void = () => undefined,
): Promise<CorpusReport> {
  const corpus = await openCorpus(path)
  const cedar = openCedar()
  try {
    return await runTests({ corpus, cedar, progress })
  } finally {
    await cedar.close()
    await corpus.remove()
  }
}

type Running = {
  readonly corpus: Awaited<ReturnType<typeof openCorpus>>
  readonly cedar: Cedar
  readonly progress: (done: number, of: number) => void
}

/** The parser has its own thread, so a few sets at once keep both it and the evaluator busy. */
const AT_ONCE = 8

async function runTests({ corpus, cedar, progress }: Running): Promise<CorpusReport> {
  const differences: string[] = []
  const unsupported: string[] = []
  let [sets, requests, done] = [0, 0, 0]
  const waiting = corpus.tests.values()
  const work = async (): Promise<void> => {
    for (const test of waiting) {
      const set = await readSet(corpus, test)
      progress(++done, corpus.tests.length)
      if (set === undefined) continue
      const verdict = await judgeSet(set, cedar)
      sets += 1
      requests += verdict.requests
      differences.push(...verdict.differences)
      unsupported.push(...verdict.unsupported)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return { sets, requests, differences, unsupported }
}
