import { z } from 'zod'
import { nameSchema } from '../identity/name.ts'
import type { EpochMillis } from '../time.ts'

/** A named test over facts. `type` is a condition plug-in (`time`, `place`, `posture`), `config` its settings. */
export const conditionSchema = z.strictObject({
  condition: nameSchema,
  type: nameSchema,
  config: z.record(z.string(), z.json()),
})
export type Condition = z.infer<typeof conditionSchema>

/** A posture fact as it was reported: what `source` says of `subject` (a Link), and when it was said. */
export const factSchema = z.strictObject({
  fact: z.string().max(300),
  subject: z.string().max(200),
  source: nameSchema,
  says: z.string().max(200),
  at: z.int(),
})
export type Fact = z.infer<typeof factSchema>

/** What a condition may look at. `reported` finds the newest fact of a source about the caller, already scoped to the tenant. */
export type Facts = {
  readonly now: EpochMillis
  /** The peer's address as seen by the door, never taken from a header unless the operator listed the proxy. */
  readonly address?: string
  readonly reported: (source: string) => Fact | undefined
}

/**
 * The answer of a condition: it holds, it does not, or there is no fresh fact to say so. `fact` is a phrase for people
 * ("it is Saturday 03:12 in Berlin"); `ageSeconds` is how old the fact is.
 */
export type ConditionResult =
  | { readonly state: 'holds' | 'fails'; readonly fact: string; readonly ageSeconds: number }
  | { readonly state: 'missing' | 'stale'; readonly fact: string }

/**
 * A condition ready to be asked: pure, synchronous. `changes` gives the next moment at which it comes to something else though nothing new
 * is said (the clock, a fact that grows old); undefined when there is none within eight days. Only explanations ask for it. `source` is
 * who must report for it ever to have a fact.
 */
export type ConditionTest = ((facts: Facts) => ConditionResult) & {
  readonly changes?: (facts: Facts) => EpochMillis | undefined
  readonly source?: string
}
