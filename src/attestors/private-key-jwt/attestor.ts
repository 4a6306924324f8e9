import { z } from 'zod'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { epochSeconds } from '../../core/time.ts'
import type { Algorithm } from '../../lib/jose/algorithms.ts'
import { tokenDigest } from '../../lib/jose/jws.ts'
import { type Claims, verifyJwt } from '../../lib/jose/jwt.ts'
import type { Attestor, Ports } from '../contract.ts'
import { keySettings, keySource } from '../key-settings.ts'

const trustSchema = z
  .strictObject({
    /** The OAuth client, in `iss` and `sub` of every assertion. */
    client_id: z.string().min(1).max(256),
    /** Our tenant issuer: the only audience an assertion may have. */
    audience: z.url({ protocol: /^https?$/ }),
    ...keySettings,
  })
  .refine((trust) => (trust.jwks === undefined) !== (trust.jwks_uri === undefined), {
    path: ['jwks'],
    message: "give the client's public keys: jwks or jwks_uri, one of them",
  })
export type PrivateKeyJwtTrust = z.infer<typeof trustSchema>

const ALGORITHMS: readonly Algorithm[] = ['ES256', 'Ed25519', 'PS256', 'RS256']
const MAX_LIFE = 300
const LEEWAY = 5
const MAX_JTI = 256

/** Client assertions made with a standing key (RFC 7523, rfc7523bis): the proof is `enrolled`, and reported as such. */
export const privateKeyJwt: Attestor<PrivateKeyJwtTrust> = {
  name: 'private-key-jwt',
  trust: trustSchema,
  concerns: (claims, trust) => claims.iss === trust.client_id,
  async attest(token, _compact, trust, ports) {
    const keys = await ports.keys(keySource(trust.client_id, trust)).find(token.kid, ports.now)
    if (!keys.ok) return keys
    const verified = verifyJwt(token, {
      keys: keys.value,
      algorithms: ALGORITHMS,
      // rfc7523bis §4 asks for the first; clients from before write `JWT` or nothing.
      typ: ['client-authentication+jwt', 'JWT'],
      typOptional: true,
      issuer: trust.client_id,
      audience: trust.audience,
      soleAudience: true,
      now: ports.now,
      leeway: LEEWAY,
    })
    if (!verified.ok) return verified
    const spent = await spendOnce(verified.value.claims, trust, ports)
    if (!spent.ok) return spent
    const { claims, key } = verified.value
    return ok({
      selectors: [`private-key-jwt:client:${trust.client_id}`, `private-key-jwt:key:${key.thumbprint}`],
      proof: 'enrolled',
      issuedAt: epochSeconds(claims.iat ?? ports.now),
      expires: epochSeconds(claims.exp),
      instance: tokenDigest(token),
      reusable: false,
    })
  },
}

async function spendOnce(
  claims: Claims,
  trust: PrivateKeyJwtTrust,
  ports: Ports,
): Promise<Result<true, Refusal>> {
  if (claims.sub !== trust.client_id) {
    return err(
      refuse('unauthenticated', 'evidence.subject', 'iss and sub of a client assertion are both the client.'),
    )
  }
  if (claims.exp - ports.now > MAX_LIFE + LEEWAY) {
    return err(refuse('unauthenticated', 'jwt.life', 'A client assertion lives at most five minutes.'))
  }
  const { jti } = claims
  if (jti === undefined || jti.length === 0 || jti.length > MAX_JTI) {
    return err(
      refuse('unauthenticated', 'evidence.claim_missing', 'A client assertion needs a jti.', {
        claim: 'jti',
      }),
    )
  }
  const key = `private-key-jwt ${JSON.stringify([trust.client_id, jti])}`
  if (await ports.spend(key, epochSeconds(claims.exp + LEEWAY + 1))) return ok(true)
  return err(refuse('unauthenticated', 'evidence.replayed', 'The client assertion was used before.'))
}
