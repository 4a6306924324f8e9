import { hash } from 'node:crypto'
import { createLru } from '../lru.ts'
import { bad, good, type Outcome } from '../outcome.ts'
import { isJsonObject, type JsonObject, parseStrictObject } from '../strict-json.ts'
import type { Algorithm } from './algorithms.ts'
import type { ReplayCache } from './dpop-replay.ts'
import { parseJws, signatureHolds, type UnverifiedJws } from './jws.ts'
import { hasPrivateMembers, importPublicJwk, type PinnedKey } from './public-key.ts'

/** One request's proof of possession, and what it must fit (RFC 9449 §4.3). */
export type DpopCheck = {
  /** The values of the request's `DPoP` header fields, one entry for each field. */
  readonly proofs: readonly string[]
  readonly method: string
  /** Our own configured origin and the request's path; query and fragment are ignored. Never built from `Host`. */
  readonly url: string
  /** The access token that came along; the proof must then carry its digest (`ath`). */
  readonly accessToken?: string
  /** The nonces we gave out and still take; the proof must then carry one. */
  readonly nonces?: readonly string[]
  /** Seconds since 1970. */
  readonly now: number
  readonly replay: ReplayCache
  /** Seconds that `iat` may differ from `now`, either way. Default 60. */
  readonly window?: number
}

/** `jkt` is the RFC 7638 thumbprint of the key that made the proof: compare it with the token's `cnf.jkt`. */
export type DpopProof = { readonly jkt: string; readonly jti: string }

export const DPOP_ALGORITHMS: readonly Algorithm[] = ['ES256', 'Ed25519', 'RS256', 'PS256']
const DEFAULT_WINDOW = 60
const MAX_JTI = 256
const MAX_PROOF = 4096

type ProofClaims = {
  readonly jti: string
  readonly htm: string
  readonly htu: string
  readonly iat: number
  readonly ath?: unknown
  readonly nonce?: unknown
}

/** Checks a DPoP proof in the order of RFC 9449 §4.3. It is spent only when everything else holds. */
export function verifyDpop(check: DpopCheck): Outcome<DpopProof> {
  const jws = readProof(check.proofs)
  if (!jws.ok) return jws
  const claims = readProofClaims(jws.value)
  if (!claims.ok) return claims
  const key = readProofKey(jws.value)
  if (!key.ok) return key
  if (!signatureHolds(jws.value, key.value))
    return badProof('dpop.signature', 'The DPoP proof does not verify.')
  const fits = fitsRequest(claims.value, check)
  if (!fits.ok) return fits
  return spend(key.value.thumbprint, claims.value, check)
}

function badProof(reason: string, says: string): Outcome<never> {
  return bad('unauthenticated', reason, says)
}

function readProof(proofs: readonly string[]): Outcome<UnverifiedJws> {
  const [proof] = proofs
  if (proof === undefined) return badProof('dpop.missing', 'A DPoP proof is required (RFC 9449).')
  if (proofs.length > 1) return badProof('dpop.several', 'Send exactly one DPoP header.')
  if (proof.length > MAX_PROOF)
    return badProof('dpop.malformed', `A DPoP proof has at most ${MAX_PROOF} characters.`)
  const jws = parseJws(proof)
  if (!jws.ok) return badProof('dpop.malformed', 'The DPoP proof is not a canonical compact JWS.')
  return jws
}

function readProofClaims(jws: UnverifiedJws): Outcome<ProofClaims> {
  const claims = parseStrictObject(jws.payload)
  if (!claims || !hasProofClaims(claims)) {
    return badProof('dpop.claims', 'The DPoP proof needs jti, htm, htu and iat, each of its type.')
  }
  return good(claims)
}

function hasProofClaims(claims: JsonObject): claims is JsonObject & ProofClaims {
  const { jti, htm, htu, iat } = claims
  const named = typeof jti === 'string' && jti.length > 0 && jti.length <= MAX_JTI
  return named && typeof htm === 'string' && typeof htu === 'string' && Number.isSafeInteger(iat)
}

/** Keys repeat with every proof of the same client; reading one costs about as much as a signature check. */
const knownKeys = createLru<string, PinnedKey>(2048)

function readProofKey(jws: UnverifiedJws): Outcome<PinnedKey> {
  const { typ, jwk } = jws.header
  if (
    String(typ)
      .toLowerCase()
      .replace(/^application\//, '') !== 'dpop+jwt'
  ) {
    return badProof('dpop.typ', 'The typ of a DPoP proof is dpop+jwt.')
  }
  if (!DPOP_ALGORITHMS.includes(jws.alg)) {
    return badProof('dpop.alg', 'The algorithm of the DPoP proof is not accepted; use ES256.')
  }
  if (!isJsonObject(jwk)) return badProof('dpop.key', 'The header of the DPoP proof has no jwk.')
  if (hasPrivateMembers(jwk))
    return badProof('dpop.private_key', 'The DPoP proof shows its private key; replace it.')
  const spelled = JSON.stringify([jws.alg, jwk])
  const known = knownKeys.get(spelled)
  if (known) return good(known)
  const key = importPublicJwk({ ...jwk, alg: jwk.alg ?? jws.alg })
  if (!key.ok || key.value.alg !== jws.alg) {
    return badProof('dpop.key', 'The key of the DPoP proof is weak, malformed, or not for its algorithm.')
  }
  knownKeys.set(spelled, key.value)
  return key
}

function fitsRequest(claims: ProofClaims, check: DpopCheck): Outcome<true> {
  const { now, window = DEFAULT_WINDOW, accessToken, nonces } = check
  if (claims.htm !== check.method) return badProof('dpop.method', 'The DPoP proof is for another method.')
  if (!sameTarget(claims.htu, check.url)) return badProof('dpop.url', 'The DPoP proof is for another URL.')
  if (nonces && !nonces.includes(String(claims.nonce))) {
    return bad('stale', 'dpop.nonce', 'Repeat with the nonce of the DPoP-Nonce header.')
  }
  if (Math.abs(now - claims.iat) > window) {
    return bad(
      'stale',
      'dpop.time',
      `The DPoP proof was not made within ${window} s of now; check the clocks.`,
    )
  }
  if (accessToken !== undefined && claims.ath !== hash('sha256', accessToken, 'base64url')) {
    return badProof('dpop.token', 'The DPoP proof is not for this access token (ath).')
  }
  return good(true)
}

/** RFC 9449 §4.3: equal after syntax and scheme normalisation (RFC 3986 §6.2.2, §6.2.3), without query and fragment. */
function sameTarget(stated: string, expected: string): boolean {
  if (stated === expected) return true
  const one = normalTarget(stated)
  return one !== undefined && one === normalTarget(expected)
}

function normalTarget(text: string): string | undefined {
  const url = URL.parse(text)
  if (!url || url.origin === 'null' || url.username + url.password !== '') return undefined
  return url.origin + normalPercents(url.pathname)
}

function normalPercents(path: string): string {
  return path.replace(/%[0-9a-f]{2}/gi, (escaped) => {
    const char = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
    return /[\w.~-]/.test(char) ? char : escaped.toUpperCase()
  })
}

function spend(jkt: string, claims: ProofClaims, check: DpopCheck): Outcome<DpopProof> {
  const expires = claims.iat + (check.window ?? DEFAULT_WINDOW) + 1
  switch (check.replay.spend(`${jkt}${claims.jti}`, check.now, expires)) {
    case 'fresh':
      return good({ jkt, jti: claims.jti })
    case 'seen':
      return badProof('dpop.replayed', 'The DPoP proof was used before; make a new one for each request.')
    case 'full':
      return bad('limited', 'dpop.busy', 'Too many DPoP proofs are in use; try again in a minute.')
  }
}
