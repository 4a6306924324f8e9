import { z } from 'zod'
import { ok } from '../../core/result.ts'
import { epochSeconds } from '../../core/time.ts'
import { ASSERTION_REPLAYED, verifyClientAssertion } from '../../lib/jose/client-assertion.ts'
import { tokenDigest } from '../../lib/jose/jws.ts'
import type { Attestor } from '../contract.ts'
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

/** Client assertions made with a standing key (RFC 7523, rfc7523bis): the proof is `enrolled`, and reported as such. */
export const privateKeyJwt: Attestor<PrivateKeyJwtTrust> = {
  name: 'private-key-jwt',
  trust: trustSchema,
  concerns: (claims, trust) => claims.iss === trust.client_id,
  async attest(token, _compact, trust, ports) {
    const keys = await ports.keys(keySource(trust.client_id, trust)).find(token.kid, ports.now)
    if (!keys.ok) return keys
    const { client_id: clientId, audience } = trust
    const verified = verifyClientAssertion(token, { clientId, audience, keys: keys.value, now: ports.now })
    if (!verified.ok) return verified
    const { claims, key, spend, until } = verified.value
    if (!(await ports.spend(spend, epochSeconds(until)))) return ASSERTION_REPLAYED
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
