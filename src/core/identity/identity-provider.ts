import { z } from 'zod'
import { agentRefSchema, attributeNameSchema, durationSchema, nameSchema } from './name.ts'

/**
 * The company's OpenID provider, where users sign in. A subject token must be meant for our tenant issuer
 * (`aud`), or be an ID token of the client in `clients` that is registered to the very agent that presents it.
 * `attributes` maps a user attribute to the claim it is read from; listed users' own attributes win.
 */
export const identityProviderSchema = z.strictObject({
  idp: nameSchema,
  issuer: z.url(),
  clients: z.record(agentRefSchema, z.string().min(1).max(200)).default({}),
  jwks_uri: z.url().optional(),
  ca: z.string().optional(),
  allow_private: z.array(z.string()).default([]),
  keys_survive: durationSchema.default('24h'),
  users: z.enum(['listed', 'any']).default('listed'),
  attributes: z.record(attributeNameSchema, z.string()).default({}),
  /** What we are there when people sign in through us: a public client, or one that signs with this tenant's own key. */
  sign_in: z
    .strictObject({
      client: z.string().min(1).max(200),
      auth: z.enum(['none', 'private_key_jwt']).default('none'),
      scopes: z
        .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/))
        .max(20)
        .default(['openid']),
    })
    .optional(),
  /** Its ID-JAGs are taken (draft-ietf-oauth-identity-assertion-authz-grant): it may say that a client acts for a user, and nobody is asked. */
  id_jag: z
    .strictObject({
      /** `tenant` in them, where one issuer serves several companies. */
      tenant: z.string().min(1).max(200).optional(),
      /** The longest that one may live. */
      life: durationSchema.default('10m'),
    })
    .optional(),
})
export type IdentityProvider = z.infer<typeof identityProviderSchema>
