import { z } from 'zod'
import { attributeNameSchema } from '../../core/identity/name.ts'
import { ok } from '../../core/result.ts'
import { Secret } from '../../core/secret.ts'
import { toSeconds } from '../../core/time.ts'
import type { CredentialProvider, Issue } from '../contract.ts'

const config = z.strictObject({
  /** The upstream's own identifier: the token's sole `aud`, so it is good nowhere else. */
  audience: z.url(),
  /** Claim under `ctx` → user attribute it is filled from. */
  claims: z.record(attributeNameSchema, attributeNameSchema).default({}),
  /** Where the upstream finds it. */
  header: z
    .string()
    .regex(/^[A-Za-z-]{1,40}$/)
    .default('authorization'),
})
export type SignedTokenConfig = z.infer<typeof config>

/** The user attributes that the upstream asked for; one that the user doesn't have is left out, and the upstream refuses. */
function contextOf(issue: Issue, claims: SignedTokenConfig['claims']): Record<string, unknown> {
  const found = Object.entries(claims).flatMap(([claim, attribute]) => {
    const value = issue.user?.attributes[attribute]
    return value === undefined ? [] : [[claim, value] as const]
  })
  return Object.fromEntries(found)
}

/**
 * Mints a JWT access token (RFC 9068) for an upstream that trusts the tenant's issuer: `sub` is the user (or the agent alone),
 * `act` the agent (RFC 8693 §4.1), `aud` that upstream alone. It carries no lineage, so our own doors don't take it.
 */
export const signedToken: CredentialProvider<SignedTokenConfig> = {
  name: 'signed-token',
  config,
  custody: 'minted',
  issue: async (issue, { audience, claims, header }, ports) => {
    const { lease } = issue
    const actor = lease.user ? { act: { sub: lease.agent } } : {}
    const token = ports.sign(lease.tenant, 'at+jwt', {
      sub: lease.user ?? lease.agent,
      aud: audience,
      client_id: lease.agent,
      iat: toSeconds(ports.now),
      exp: lease.expires,
      jti: lease.id,
      ctx: contextOf(issue, claims),
      ...actor,
    })
    return ok({
      placement: { kind: 'header', name: header, prefix: header === 'authorization' ? 'Bearer ' : '' },
      secret: new Secret(token),
      expires: lease.expires,
      handle: lease.id,
    })
  },
}
