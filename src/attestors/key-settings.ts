import { z } from 'zod'
import { durationSchema, seconds } from '../core/identity/name.ts'
import type { KeySource } from '../lib/jose/remote-keys.ts'

/** The settings by which a trust provider's keys are found; the same words in every attestor. */
export const keySettings = {
  jwks_uri: z.url({ protocol: /^https?$/ }).optional(),
  jwks: z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) }).optional(),
  ca: z.string().max(262_144).optional(),
  allow_private: z
    .array(z.string().regex(/^[\w.[\]:-]+:\d{1,5}$/, 'write host:port'))
    .max(16)
    .default([]),
  keys_survive: durationSchema.default('24h'),
}

export type KeySettings = {
  readonly jwks_uri?: string | undefined
  readonly jwks?: object | undefined
  readonly ca?: string | undefined
  readonly allow_private: readonly string[]
  readonly keys_survive: string
}

const sources = new WeakMap<KeySettings, KeySource>()

/** The same settings object gives the same source, so that a provider's cache is found without comparing texts. */
export function keySource(issuer: string, settings: KeySettings, use: KeySource['use'] = 'sig'): KeySource {
  const held = sources.get(settings)
  if (held) return held
  const source: KeySource = {
    issuer,
    use,
    allow: settings.allow_private,
    survive: seconds(settings.keys_survive),
    ...(settings.jwks_uri === undefined ? {} : { jwksUri: settings.jwks_uri }),
    ...(settings.jwks === undefined ? {} : { jwks: settings.jwks }),
    ...(settings.ca === undefined ? {} : { ca: settings.ca }),
  }
  sources.set(settings, source)
  return source
}
