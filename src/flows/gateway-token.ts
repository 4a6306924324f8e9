import { z } from 'zod'
import { parseLink } from '../core/lifecycle/revocation.ts'

/**
 * `typ: gateway+jwt`: what an attested gateway gets for an hour. A type of its own, so that no door for agents can take it, and the other
 * way round. `sub` is the gateway's name in the operator's registry, `ins` the instance's own name, for people to read.
 */
export const GATEWAY_TYP = 'gateway+jwt'

/** Seconds a gateway's credential lives (ARCHITECTURE §1). */
export const GATEWAY_LIFE = 3600

export const gatewayTokenSchema = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.string(),
  ins: z.string(),
  iat: z.int(),
  exp: z.int(),
  jti: z.string(),
  rev: z.int().nonnegative(),
  lin: z
    .array(z.string().refine((text) => parseLink(text) !== undefined))
    .min(2)
    .max(8),
  cnf: z.object({ jkt: z.string() }),
})
export type GatewayTokenClaims = z.infer<typeof gatewayTokenSchema>

/** `aud` of gateways' credentials: the authority's own API for them. */
export function gatewayAudience(origin: string): string {
  return `${origin}/gateway`
}
