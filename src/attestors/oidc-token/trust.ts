import { z } from 'zod'
import { durationSchema } from '../../core/identity/name.ts'
import { keySettings } from '../key-settings.ts'
import { issuerClaims } from './claims.ts'
import type { Preset } from './preset.ts'
import { PRESETS } from './presets.ts'

const values = z.union([z.string().min(1).max(512), z.array(z.string().min(1).max(512)).min(1).max(1000)])

const reviewSchema = z.strictObject({
  /** The API server, such as https://kubernetes.default.svc. */
  at: z.url({ protocol: /^https?$/ }),
  /** Name of a credential that the operator made available to the authority. */
  credential: z.string().min(1).max(100),
})

const shape = z.strictObject({
  preset: z.enum([...PRESETS.keys()] as [string, ...string[]]),
  issuer: z.url({ protocol: /^https?$/ }),
  audience: z.string().min(1).max(512),
  pin: z.record(z.string(), values),
  accepts: z.record(z.string(), z.array(z.string()).min(1)).default({}),
  max_life: durationSchema.default('24h'),
  token_review: reviewSchema.optional(),
  ...keySettings,
})

/** A trust provider's settings for workload tokens. Issuer, audience and pinned ids are required. */
export type OidcTrust = z.infer<typeof shape>

export const oidcTrustSchema: z.ZodType<OidcTrust> = shape.superRefine((trust, context) => {
  const preset = PRESETS.get(trust.preset)
  if (!preset) return
  for (const [path, message] of mistakes(trust, preset)) {
    context.addIssue({ code: 'custom', path: [path], message })
  }
})

type Mistake = readonly [path: string, message: string]

function mistakes(trust: OidcTrust, preset: Preset): readonly Mistake[] {
  return [
    ...issuerMistakes(trust, preset),
    ...audienceMistakes(trust, preset),
    ...pinMistakes(trust, preset),
    ...acceptMistakes(trust, preset),
    ...(trust.jwks && trust.jwks_uri ? [['jwks', 'give jwks or jwks_uri, not both'] as const] : []),
    ...(trust.token_review && !preset.review
      ? [['token_review', `${preset.name} has no TokenReview`] as const]
      : []),
  ]
}

function issuerMistakes(trust: OidcTrust, preset: Preset): readonly Mistake[] {
  if (!preset.issuer.test(trust.issuer)) return [['issuer', `this is not an issuer of ${preset.name}`]]
  if (trust.issuer.startsWith('http:') && !trust.jwks && trust.allow_private.length === 0) {
    return [['issuer', 'plain http is for a private address listed under allow_private']]
  }
  return []
}

function audienceMistakes(trust: OidcTrust, preset: Preset): readonly Mistake[] {
  if (trust.audience === trust.issuer) return [['audience', 'must be ours, not the issuer itself']]
  if (preset.defaultAudience?.test(trust.audience)) {
    return [['audience', `${preset.name} gives this audience to everybody; let the workload ask for ours`]]
  }
  return []
}

function pinMistakes(trust: OidcTrust, preset: Preset): readonly Mistake[] {
  const fromIssuer = new Map(issuerClaims(preset, trust.issuer))
  const known = new Set([...Object.keys(preset.claims), ...fromIssuer.keys()])
  const unknown = Object.keys(trust.pin).filter((name) => !known.has(name))
  if (unknown.length > 0) return [['pin', `${preset.name} has no claim ${unknown.join(', ')}`]]
  if (!preset.pins.some((set) => set.every((name) => Object.hasOwn(trust.pin, name)))) {
    const choices = preset.pins.map((set) => set.join(' and ')).join(', or ')
    return [['pin', `must pin ${choices}: ids that are never given to someone else`]]
  }
  for (const [name, value] of fromIssuer) {
    const pinned = trust.pin[name]
    if (pinned !== undefined && ![pinned].flat().includes(value)) {
      return [['pin', `${name} is not the one that the issuer names`]]
    }
  }
  return []
}

function acceptMistakes(trust: OidcTrust, preset: Preset): readonly Mistake[] {
  return Object.entries(trust.accepts).flatMap(([claim, wanted]): readonly Mistake[] => {
    const possible = preset.rules.find((rule) => rule.claim === claim)?.onRequest ?? []
    const refused = wanted.filter((value) => !possible.includes(value))
    return refused.length === 0 ? [] : [['accepts', `${claim} can not be ${refused.join(', ')} here`]]
  })
}
