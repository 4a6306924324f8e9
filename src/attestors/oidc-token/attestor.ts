import { hash } from 'node:crypto'
import type { Attestation } from '../../core/identity/attestation.ts'
import { seconds } from '../../core/identity/name.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { epochSeconds } from '../../core/time.ts'
import type { Algorithm } from '../../lib/jose/algorithms.ts'
import { tokenDigest, type UnverifiedJws } from '../../lib/jose/jws.ts'
import { type Claims, verifyJwt } from '../../lib/jose/jwt.ts'
import type { Attestor, Ports } from '../contract.ts'
import { keySource } from '../key-settings.ts'
import { type NamedClaims, namedClaims, selectorsOf } from './claims.ts'
import type { Preset } from './preset.ts'
import { PRESETS } from './presets.ts'
import { refusalOf } from './rules.ts'
import { reviewToken } from './token-review.ts'
import { type OidcTrust, oidcTrustSchema } from './trust.ts'

const ALGORITHMS: readonly Algorithm[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'ES256',
  'ES384',
  'ES512',
  'Ed25519',
]

/** Workload tokens of any OpenID issuer, by preset. docs/plugins/attestor-oidc-token.md */
export const oidcToken: Attestor<OidcTrust> = {
  name: 'oidc-token',
  trust: oidcTrustSchema,
  concerns: (claims, trust) => claims.iss === trust.issuer,
  async attest(token, compact, trust, ports) {
    const preset = PRESETS.get(trust.preset)
    if (!preset) return err(refuse('denied', 'trust.invalid', 'The trust provider names no known preset.'))
    const verified = await verify(token, trust, ports)
    if (!verified.ok) return verified
    const claims = namedClaims(preset, trust.issuer, verified.value)
    const refusal = refusalOf(preset, trust, claims) ?? (await reviewToken(compact, trust, claims, ports))
    if (refusal) return err(refusal)
    return ok(attestation(preset, token, verified.value, claims))
  },
}

async function verify(
  token: UnverifiedJws,
  trust: OidcTrust,
  ports: Ports,
): Promise<Result<Claims, Refusal>> {
  const keys = await ports.keys(keySource(trust.issuer, trust)).find(token.kid, ports.now)
  if (!keys.ok) return keys
  const verified = verifyJwt(token, {
    keys: keys.value,
    algorithms: ALGORITHMS,
    // Platforms write `JWT` or nothing; what they write for other kinds of token is refused.
    typ: 'JWT',
    typOptional: true,
    issuer: trust.issuer,
    audience: trust.audience,
    soleAudience: true,
    now: ports.now,
    maxLife: seconds(trust.max_life),
  })
  return verified.ok ? ok(verified.value.claims) : verified
}

function attestation(preset: Preset, token: UnverifiedJws, claims: Claims, named: NamedClaims): Attestation {
  return {
    selectors: selectorsOf(preset, named),
    proof: 'attested',
    issuedAt: epochSeconds(claims.iat ?? 0),
    expires: epochSeconds(claims.exp),
    instance: instanceOf(preset, token, String(claims.iss), named),
    reusable: true,
  }
}

/** The pod, machine or run if the token names it; else this very token. A digest, so that it can be stored and logged. */
function instanceOf(preset: Preset, token: UnverifiedJws, issuer: string, named: NamedClaims): string {
  const parts = preset.instance.map((name) => named.get(name))
  if (parts.length === 0 || parts.some((part) => part === undefined)) return tokenDigest(token)
  return hash('sha256', JSON.stringify([preset.name, issuer, ...parts]), 'base64url')
}
