// A supervisor in a process of its own, for tests that kill it. Starts PostgreSQL as the first argument says (JSON),
// prints one line of JSON, and stops in order when its input ends.
import { once } from 'node:events'
import type { EmbeddedOptions } from './options.ts'
import { startEmbeddedPostgres } from './start.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as EmbeddedOptions
try {
  const { stop, pid, takenOver, account } = await startEmbeddedPostgres(options)
  console.log(JSON.stringify({ pid, takenOver, account }))
  process.stdin.resume()
  await once(process.stdin, 'end')
  await stop()
} catch (error) {
  const reason = error instanceof Error && 'reason' in error ? error.reason : String(error)
  console.log(JSON.stringify({ reason }))
  process.exitCode = 1
}
