import { z } from 'zod'
import { durationSchema } from './name.ts'
import {
  clientJwksSchema,
  clientMetadataSchema,
  clientNameSchema,
  MAX_CLIENT_ID,
  redirectUrisSchema,
} from './oauth-client.ts'

/** The attestor that a trust provider of OAuth clients names. */
export const OAUTH_CLIENT = 'oauth-client'

/** A host of client metadata documents, with its port where that is not the scheme's own. */
const hostSchema = z
  .string()
  .regex(/^[a-z0-9.-]+(:\d{1,5})?$/, { error: 'a host is written in lower case, such as claude.ai' })

/** A client that the tenant lists: public, or one that proves itself by the key that stands here or at `jwks_uri`. */
const listedSchema = z
  .strictObject({
    name: clientNameSchema,
    redirect_uris: redirectUrisSchema,
    jwks: clientJwksSchema.optional(),
    jwks_uri: z
      .url({ protocol: /^https?$/ })
      .max(MAX_CLIENT_ID)
      .optional(),
    ca: z.string().optional(),
    allow_private: z.array(z.string()).default([]),
  })
  .refine(({ jwks, jwks_uri }) => jwks === undefined || jwks_uri === undefined, {
    path: ['jwks'],
    message: "give the client's public keys once: jwks or jwks_uri",
  })

/**
 * Which OAuth clients people may sign in through, in a tenant that has no other word for them. `documents` are fetched from the
 * listed hosts alone; one that stands in `preloaded` is never fetched, for sites without a way out.
 */
export const clientTrustSchema = z
  .strictObject({
    listed: z.record(z.string().min(1).max(MAX_CLIENT_ID), listedSchema).default({}),
    documents: z
      .strictObject({
        hosts: z.array(hostSchema).max(200).default([]),
        preloaded: z.record(z.url().max(MAX_CLIENT_ID), clientMetadataSchema).default({}),
        ca: z.string().optional(),
        allow_private: z.array(z.string()).default([]),
      })
      .optional(),
    registration: z
      .strictObject({
        /** How long a registration lasts. */
        life: durationSchema.default('90d'),
        /** How many there may be at a time. */
        most: z.int().min(1).max(100_000).default(1000),
      })
      .optional(),
    schemes: z
      .array(z.string().regex(/^[a-z][a-z0-9+.-]{1,39}$/))
      .max(20)
      .default([]),
  })
  .refine(
    ({ listed, documents, registration }) =>
      Object.keys(listed).length > 0 || documents !== undefined || registration !== undefined,
    { path: ['listed'], message: 'say which clients there are: listed, documents or registration' },
  )
export type ClientTrust = z.infer<typeof clientTrustSchema>
