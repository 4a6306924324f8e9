import { z } from 'zod'
import type { AgentId, Revision, SessionId, TenantName, UserId } from '../ids.ts'
import { type Link, parseLink } from '../lifecycle/revocation.ts'
import type { EpochSeconds } from '../time.ts'
import type { PrincipalChain } from './principal-chain.ts'

const linkSchema = z.string().refine((text) => parseLink(text) !== undefined)
const actor: z.ZodType<ActClaim> = z.lazy(() =>
  z.object({ iss: z.string(), sub: z.string(), act: actor.optional() }),
) as z.ZodType<ActClaim>

/** RFC 8693 §4.1: outermost is the current actor; nested ones are for reading and never decide. */
export type ActClaim = { readonly iss: string; readonly sub: string; readonly act?: ActClaim }

/**
 * `typ: at+jwt` (RFC 9068). `sub` is the user, or the agent when there is none; user ids start with `usr_`, agent ids hold a slash,
 * so neither can be taken for the other. Ours: `rev` (lowest revision it derives from), `sid`, `lin` (every link whose end ends it),
 * `chn` (our lineage record of who acted, oldest first, ending with the caller), `prf` (how the caller proved itself), `once` (single use).
 */
export const accessTokenSchema = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.string(),
  client_id: z.string(),
  scope: z.string().optional(),
  iat: z.int(),
  exp: z.int(),
  jti: z.string(),
  sid: z.string(),
  rev: z.int().nonnegative(),
  lin: z.array(linkSchema).min(1).max(32),
  chn: z.array(z.string()).min(1).max(8),
  prf: z.enum(['attested', 'enrolled', 'claimed']),
  act: actor.optional(),
  cnf: z.object({ jkt: z.string() }).optional(),
  once: z.literal(true).optional(),
})
export type AccessTokenClaims = z.infer<typeof accessTokenSchema>

/**
 * `typ: agent+jwt`: what an agent's home issuer gives for evidence. Two minutes, DPoP-bound, `aud` is one tenant issuer, and only
 * that issuer takes it, as client assertion or actor token.
 */
export const agentTokenSchema = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.string(),
  iat: z.int(),
  exp: z.int(),
  jti: z.string(),
  rev: z.int().nonnegative(),
  lin: z.array(linkSchema).min(1).max(16),
  prf: z.enum(['attested', 'enrolled', 'claimed']),
  cnf: z.object({ jkt: z.string() }),
})
export type AgentTokenClaims = z.infer<typeof agentTokenSchema>

export const TOKEN_TYP = { access: 'at+jwt', agent: 'agent+jwt' } as const

/** The chain that a verified access token of this tenant stands for. The caller has verified signature, issuer, audience and times. */
export function chainOf(tenant: TenantName, claims: AccessTokenClaims): PrincipalChain {
  const user = claims.sub.startsWith('usr_') ? { user: claims.sub as UserId } : {}
  const scope = claims.scope === undefined ? {} : { scope: claims.scope.split(' ') }
  const bound = claims.cnf ? { jkt: claims.cnf.jkt } : {}
  return {
    tenant,
    agent: claims.client_id as AgentId,
    actors: claims.chn as AgentId[],
    proof: claims.prf,
    session: claims.sid as SessionId,
    links: claims.lin as Link[],
    rev: claims.rev as Revision,
    expires: claims.exp as EpochSeconds,
    ...user,
    ...scope,
    ...bound,
  }
}
