import { z } from 'zod'

/**
 * A Cedar permit or forbid as it is stored. `est` is Cedar's JSON form as JSON text, since a JavaScript number would lose
 * integers beyond 2^53. Written only after strict validation.
 */
export const policySchema = z.strictObject({
  policy: z.string().min(1).max(120),
  effect: z.enum(['permit', 'forbid']),
  text: z.string().max(32_768),
  est: z.string().max(262_144),
})
export type Policy = z.infer<typeof policySchema>
