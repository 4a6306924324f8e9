import { join } from 'node:path'
import { ROOT } from './source-files.ts'

/** A file of the outside test data, which stands beside the repository; a missing file fails the test, it never skips it. */
export function vectorFile(...path: readonly string[]): string {
  return join(ROOT, '..', 'shared', 'vectors', ...path)
}
