import { z } from 'zod'
import type { Attestation } from '../../core/identity/attestation.ts'
import { durationSchema, seconds } from '../../core/identity/name.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { epochSeconds } from '../../core/time.ts'
import type { Algorithm } from '../../lib/jose/algorithms.ts'
import { tokenDigest, type UnverifiedJws } from '../../lib/jose/jws.ts'
import { type Claims, verifyJwt } from '../../lib/jose/jwt.ts'
import type { Attestor } from '../contract.ts'
import { keySettings, keySource } from '../key-settings.ts'
import { isTrustDomain, parseSpiffeId, type SpiffeId } from './spiffe-id.ts'

const trustSchema = z
  .strictObject({
    /** The SPIFFE trust domain, such as `prod.acme.example`; its bundle alone verifies its ids. */
    trust_domain: z
      .string()
      .refine(isTrustDomain, 'a trust domain has a-z, 0-9, dots, hyphens and underscores'),
    audience: z.string().min(1).max(512),
    max_life: durationSchema.default('1h'),
    ...keySettings,
  })
  .refine((trust) => (trust.jwks === undefined) !== (trust.jwks_uri === undefined), {
    path: ['jwks_uri'],
    message: 'give the bundle: jwks_uri (its endpoint) or jwks, one of them',
  })
export type SpiffeTrust = z.infer<typeof trustSchema>

/** JWT-SVID §3.1: no EdDSA. */
const ALGORITHMS: readonly Algorithm[] = [
  'RS256',
  'RS384',
  'RS512',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
]
const HEADER_MEMBERS = new Set(['alg', 'kid', 'typ'])

/** SPIFFE JWT-SVIDs, verified by the bundle of the trust domain in `sub`; `iss` is never looked at. */
export const jwtSpiffe: Attestor<SpiffeTrust> = {
  name: 'jwt-spiffe',
  trust: trustSchema,
  concerns: (claims, trust) => subjectOf(claims)?.trustDomain === trust.trust_domain,
  async attest(token, _compact, trust, ports) {
    // JWT-SVID §2: a header that holds anything else MUST be refused. Each key of the bundle has a kid (§6).
    if (token.kid === undefined || !Object.keys(token.header).every((name) => HEADER_MEMBERS.has(name))) {
      return err(
        refuse('unauthenticated', 'evidence.header', 'The header of a JWT-SVID holds alg, kid and typ only.'),
      )
    }
    const source = keySource(`spiffe://${trust.trust_domain}`, trust, 'jwt-svid')
    const keys = await ports.keys(source).find(token.kid, ports.now)
    if (!keys.ok) return keys
    const verified = verifyJwt(token, {
      keys: keys.value,
      algorithms: ALGORITHMS,
      typ: ['JWT', 'JOSE'],
      typOptional: true,
      issuer: null,
      audience: trust.audience,
      soleAudience: true,
      now: ports.now,
    })
    return verified.ok ? attested(token, verified.value.claims, trust, ports.now) : verified
  },
}

function attested(
  token: UnverifiedJws,
  claims: Claims,
  trust: SpiffeTrust,
  now: number,
): Result<Attestation, Refusal> {
  const id = subjectOf(claims)
  if (id?.trustDomain !== trust.trust_domain) {
    return err(refuse('unauthenticated', 'evidence.trust_domain', 'The subject is not of this trust domain.'))
  }
  // `iat` is optional in a JWT-SVID, so its remaining life is what can be bounded.
  if (claims.exp - now > seconds(trust.max_life)) {
    return err(
      refuse('unauthenticated', 'jwt.life', 'The token lives longer than is allowed.', { exp: claims.exp }),
    )
  }
  return ok({
    selectors: [`spiffe:id:${id.id}`, `spiffe:trust-domain:${id.trustDomain}`, `spiffe:path:${id.path}`],
    proof: 'attested',
    issuedAt: epochSeconds(claims.iat ?? now),
    expires: epochSeconds(claims.exp),
    instance: tokenDigest(token),
    reusable: true,
  })
}

function subjectOf(claims: Claims): SpiffeId | undefined {
  return parseSpiffeId(claims.sub ?? '')
}
