import { z } from 'zod'

/**
 * A policy on which the two engines once differed. From then on it allows only what both allow (`both-engines.ts`), until a person has
 * looked and lifts it. A document of the registry, named as the policy, so that every authority and gateway keeps to it; only an authority
 * writes one. `at` in milliseconds since 1970.
 */
export const quarantineSchema = z.strictObject({
  quarantine: z.string().min(1).max(120),
  at: z.int().nonnegative(),
  /** The decision that showed it. */
  decision: z.string().max(200),
  /** What each engine said, and who noticed. */
  says: z.string().max(500),
})
export type Quarantine = z.infer<typeof quarantineSchema>

/** Of one tenant. What a gateway reports beyond it is recorded and changes nothing: it could only make decisions slow. */
export const MOST_QUARANTINED = 64
