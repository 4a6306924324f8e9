import { z } from 'zod'
import { nameSchema } from '../identity/name.ts'

/** What we are at an authorization server, as somebody registered it there by hand. */
export const listedClientSchema = z.strictObject({
  id: z.string().min(1).max(2000),
  auth: z.enum(['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt']).default('none'),
  /** Name of the secret in the authority's `secrets`. */
  secret: nameSchema.optional(),
})

const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/)

/** The settings of a place outside: how it is reached, and what we are there. */
export const placeSettings = {
  /** By issuer, to the letter: one server's credentials are of no use at another. */
  clients: z.record(z.url(), listedClientSchema).default({}),
  /** PEM bundle to trust instead of the system's. */
  ca: z.string().optional(),
  /** Private `host:port`s that may be reached; the operator must list them too. */
  allow_private: z.array(z.string().max(300)).max(50).default([]),
} as const

/** How people connect their own accounts at a server behind. */
export const accountSettingsSchema = z.strictObject({
  /** What is asked for instead of what the server itself names. */
  scopes: z.array(scope).max(50).optional(),
  /** The authorization servers that may be used; whichever the server names when left out. */
  issuers: z.array(z.url()).min(1).max(20).optional(),
  ...placeSettings,
})
export type AccountSettings = z.infer<typeof accountSettingsSchema>

/** What may be shown of a connected account. */
export type AccountAbout = {
  readonly issuer: string
  /** Host of the server behind. */
  readonly host: string
  readonly scopes: readonly string[]
  /** The agent for whose call it was connected, as people know it. */
  readonly agent: string
  /** Epoch seconds. */
  readonly connected: number
}
