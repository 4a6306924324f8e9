import { bad, good, type Outcome } from '../outcome.ts'
import type { Algorithm } from './algorithms.ts'
import type { UnverifiedJws } from './jws.ts'
import { unverifiedClaims, type VerifiedJwt, verifyJwt } from './jwt.ts'
import type { KeySet } from './key-set.ts'

/** What client assertions are signed with; discovery says so. */
export const ASSERTION_ALGORITHMS: readonly Algorithm[] = ['ES256', 'Ed25519', 'PS256', 'RS256']
/** Seconds. */
const MAX_LIFE = 300
const LEEWAY = 5
const MAX_JTI = 256

export type AssertionRules = {
  /** `iss` and `sub` of the assertion. */
  readonly clientId: string
  /** Our issuer: the only audience it may have. */
  readonly audience: string
  readonly keys: KeySet
  readonly now: number
}

/** A good assertion, and what must be spent so that it counts once: a key, and the second until which it could come again. */
export type VerifiedAssertion = VerifiedJwt & { readonly spend: string; readonly until: number }

/**
 * A client assertion made with the client's own key (RFC 7523 §3 with rfc7523bis: the issuer as sole audience, one use, five minutes).
 * It counts only once `spend` was spent; nothing here remembers.
 */
export function verifyClientAssertion(
  token: UnverifiedJws,
  { clientId, audience, keys, now }: AssertionRules,
): Outcome<VerifiedAssertion> {
  const verified = verifyJwt(token, {
    keys,
    algorithms: ASSERTION_ALGORITHMS,
    // rfc7523bis §4 asks for the first; clients from before write `JWT` or nothing.
    typ: ['client-authentication+jwt', 'JWT'],
    typOptional: true,
    issuer: clientId,
    audience,
    soleAudience: true,
    now,
    leeway: LEEWAY,
  })
  if (!verified.ok) return verified
  const { sub, exp, jti } = verified.value.claims
  if (sub !== clientId) {
    return bad(
      'unauthenticated',
      'evidence.subject',
      'iss and sub of a client assertion are both the client.',
    )
  }
  if (exp - now > MAX_LIFE + LEEWAY) {
    return bad('unauthenticated', 'jwt.life', 'A client assertion lives at most five minutes.')
  }
  if (jti === undefined || jti.length === 0 || jti.length > MAX_JTI) {
    return bad('unauthenticated', 'evidence.claim_missing', 'A client assertion needs a jti.', {
      claim: 'jti',
    })
  }
  const spend = `private-key-jwt ${JSON.stringify([clientId, jti])}`
  return good({ ...verified.value, spend, until: exp + LEEWAY + 1 })
}

export const ASSERTION_REPLAYED = bad(
  'unauthenticated',
  'evidence.replayed',
  'The client assertion was used before.',
)

/** The client that an assertion says it is of: `iss` and `sub` alike, as no runtime's evidence has them. Not verified. */
export function clientInAssertion(token: UnverifiedJws): string | undefined {
  const claims = unverifiedClaims(token)
  if (!claims.ok || claims.value.iss === undefined) return undefined
  return claims.value.iss === claims.value.sub ? claims.value.iss : undefined
}
