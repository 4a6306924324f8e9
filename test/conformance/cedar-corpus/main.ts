import { runCorpus } from './run.ts'

const SHOWN = 20

/**
 * `npm run -s cedar-corpus -- <archive .tar.gz or folder>`: one JSON line on stdout; 1 on any difference or
 * anything unsupported, 2 when there is no corpus to run.
 */
async function main(path: string | undefined): Promise<number> {
  if (path === undefined) {
    process.stderr.write('usage: npm run -s cedar-corpus -- <archive .tar.gz or folder>\n')
    return 2
  }
  let last = Date.now()
  const report = await runCorpus(path, (done, of) => {
    if (Date.now() - last < 1000) return
    last = Date.now()
    process.stderr.write(`${done} of ${of} policy sets\n`)
  })
  for (const line of [...report.differences, ...report.unsupported].slice(0, SHOWN))
    process.stderr.write(`${line}\n`)
  const { sets, requests } = report
  const differences = report.differences.length
  const unsupported = report.unsupported.length
  process.stdout.write(`${JSON.stringify({ sets, requests, differences, unsupported })}\n`)
  return differences + unsupported > 0 || requests === 0 ? 1 : 0
}

process.exitCode = await main(process.argv[2]).catch((error: unknown) => {
  process.stderr.write(`cedar-corpus: ${error instanceof Error ? error.message : 'failed'}\n`)
  return 2
})
