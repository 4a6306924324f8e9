import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { openCedar } from '../../src/lib/cedar/cedar.ts'
import { outcomes } from './blended-cases.ts'
import { CASES, KINDS } from './decide.ts'
import { linked } from './engine-cases.ts'
import { kindOf } from './fuzzed.ts'
import { accepted } from './schema-cases.ts'

const cedar = openCedar()
afterAll(() => cedar.close())

/** The same cases each time: what was seen green stays so; new ones are for `npm run fuzz`. */
const SEEDS = [1, 2, 3]

describe('generated cases', () => {
  it.each(KINDS.map((kind) => [kind.name, kind] as const))(
    'of %s are answered as by Cedar itself',
    async (_name, kind) => {
      for (const seed of SEEDS) expect(await kind.run(cedar, seed, CASES)).toEqual({ cases: CASES })
    },
    60_000,
  )

  it('are neither all allowed nor all refused, and most of what fits a schema is accepted', () => {
    expect(outcomes['allow']).toBeGreaterThan(10)
    expect(outcomes['deny']).toBeGreaterThan(10)
    expect(outcomes['ask']).toBeGreaterThan(0)
    expect(accepted.policies / accepted.of).toBeGreaterThan(0.6)
    expect(accepted.linked / accepted.of).toBeGreaterThan(0.15)
    expect(linked.policies / linked.of).toBeGreaterThan(0.15)
  })

  it('that differ are shown as small as they get, with what makes them again', async () => {
    const small = kindOf(
      'numbers',
      fc.nat(),
      async (_, value) => (value > 1000 ? 'too big' : undefined),
      String,
    )
    const found = await small.run(cedar, 7, 100)
    expect(found.difference).toBe('numbers, seed 7\ntoo big\n\n1001')
    expect(await small.run(cedar, 7, 100)).toEqual(found)
  })
})
