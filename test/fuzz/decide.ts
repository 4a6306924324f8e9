import type { Cedar } from '../../src/lib/cedar/cedar.ts'
import { BLENDED_CASES } from './blended-cases.ts'
import { ENGINE_CASES } from './engine-cases.ts'
import type { Fuzzed, Kind } from './fuzzed.ts'
import { SCHEMA_CASES } from './schema-cases.ts'

export const KINDS: readonly Kind[] = [ENGINE_CASES, SCHEMA_CASES, BLENDED_CASES]

/** Cases of one seed. */
export const CASES = 50

/** All that a seed stands for: its kind and its cases, the same whenever it is run. */
export async function runSeed(cedar: Cedar, seed: number): Promise<Fuzzed> {
  const kind = KINDS[seed % KINDS.length]
  if (kind === undefined) throw new Error('there is no kind of case')
  return kind.run(cedar, seed, CASES)
}
