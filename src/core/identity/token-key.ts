import { z } from 'zod'

/** The public half of a tenant's token-signing key. Two are published: the one that signs, and the one that will or did. */
export const signingKeySchema = z.strictObject({
  key: z.string().min(1).max(100),
  state: z.enum(['next', 'current', 'previous']),
  created: z.int(),
  jwk: z.strictObject({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: z.string(),
    y: z.string(),
    kid: z.string(),
    alg: z.literal('ES256'),
    use: z.literal('sig'),
  }),
})
export type SigningKey = z.infer<typeof signingKeySchema>
