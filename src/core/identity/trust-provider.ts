import { z } from 'zod'
import { nameSchema } from './name.ts'

/**
 * A tenant's settings for one attestor: whom to believe. What stands beside `trust` and `attestor` belongs to that
 * attestor, whose own strict schema is applied before anything is stored.
 */
export const trustProviderSchema = z.looseObject({
  trust: nameSchema,
  attestor: nameSchema,
})
export type TrustProvider = z.infer<typeof trustProviderSchema>
