import fc from 'fast-check'
import type { Cedar } from '../../src/lib/cedar/cedar.ts'

/** What came of some generated cases. `difference` is the smallest case found on which we and Cedar differ, readable. */
export type Fuzzed = { readonly cases: number; readonly difference?: string }

/** One kind of generated case. The seed alone says which cases. */
export type Kind = {
  readonly name: string
  readonly run: (cedar: Cedar, seed: number, cases: number) => Promise<Fuzzed>
}

/** `compare` answers nothing where both sides agree, else both answers; `show` prints a case as somebody would write it down. */
export function kindOf<T>(
  name: string,
  arbitrary: fc.Arbitrary<T>,
  compare: (cedar: Cedar, value: T) => Promise<string | undefined>,
  show: (value: T) => string,
): Kind {
  return {
    name,
    async run(cedar, seed, cases) {
      const property = fc.asyncProperty(arbitrary, async (value) => {
        const differs = await compare(cedar, value)
        if (differs !== undefined) throw new Error(differs)
      })
      const details = await fc.check(property, { seed, numRuns: cases })
      if (!details.failed) return { cases: details.numRuns }
      const [smallest] = details.counterexample ?? []
      const why = details.errorInstance instanceof Error ? details.errorInstance.message : 'failed'
      const shown = smallest === undefined ? '' : show(smallest as T)
      return { cases: details.numRuns, difference: `${name}, seed ${seed}\n${why}\n\n${shown}` }
    },
  }
}
