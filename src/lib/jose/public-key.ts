import { createPublicKey, hash, KeyObject, type webcrypto } from 'node:crypto'
import { bad, good, type Outcome } from '../outcome.ts'
import { isJsonObject, type JsonObject } from '../strict-json.ts'
import { type Algorithm, algorithmNamed, RECIPES } from './algorithms.ts'
import { isRocaModulus } from './weak-modulus.ts'

type JsonWebKey = webcrypto.JsonWebKey

/** A public key tied to the one algorithm it may be used with (RFC 8725 §3.1). */
export type PinnedKey = {
  readonly kid?: string
  readonly alg: Algorithm
  readonly key: KeyObject
  /** RFC 7638, SHA-256, base64url. */
  readonly thumbprint: string
}

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
const RSA_BITS = { least: 2048, most: 8192 }
const CURVE_ALGORITHM: Readonly<Record<string, Algorithm>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  Ed25519: 'Ed25519',
}

/** Whether a JWK carries private or symmetric material: one that does was published by mistake and is burnt. */
export function hasPrivateMembers(jwk: JsonObject): boolean {
  return jwk.kty === 'oct' || PRIVATE_MEMBERS.some((member) => Object.hasOwn(jwk, member))
}

/**
 * Reads one public JWK (RFC 7517) for verifying signatures. Without `alg` the curve names the algorithm; an RSA key
 * is then RS256, what OpenID Connect Core §15.1 requires of every provider.
 */
export function importPublicJwk(jwk: unknown): Outcome<PinnedKey> {
  if (!isJsonObject(jwk)) return bad('malformed', 'key.malformed', 'The key is not a JSON object.')
  if (hasPrivateMembers(jwk)) {
    return bad('malformed', 'key.private', 'The key holds private or symmetric material; replace it.')
  }
  if (!isForSignatures(jwk)) return bad('denied', 'key.use', 'The key is not meant for verifying signatures.')
  const alg = algorithmOf(jwk)
  if (!alg) return bad('denied', 'key.algorithm', 'The key has no algorithm that is accepted here.')
  const key = readKey(jwk)
  if (!key)
    return bad('malformed', 'key.malformed', 'The key can not be read, or is not a point on its curve.')
  const weak = weakness(key)
  if (weak) return bad('denied', 'key.weak', weak)
  const kid = typeof jwk.kid === 'string' ? { kid: jwk.kid } : {}
  return good({ ...kid, alg, key, thumbprint: thumbprint(key) })
}

/** RFC 7638 with SHA-256, of the key as we would write it, so that one key has one thumbprint. */
export function thumbprint(key: KeyObject | JsonWebKey): string {
  const jwk = key instanceof KeyObject ? exportJwk(key) : key
  return hash('sha256', JSON.stringify(required(jwk)), 'base64url')
}

function exportJwk(key: KeyObject): JsonWebKey {
  return key.export({ format: 'jwk' })
}

/** RFC 7638 §3.2: the required members, in lexical order. */
function required(jwk: JsonWebKey): Record<string, string | undefined> {
  const { crv, e, kty, n, x, y } = jwk
  if (kty === 'RSA') return { e, kty, n }
  return kty === 'EC' ? { crv, kty, x, y } : { crv, kty, x }
}

function isForSignatures(jwk: JsonObject): boolean {
  const { use, key_ops: operations } = jwk
  const useFits = use === undefined || use === 'sig' || use === 'jwt-svid'
  const operationsFit =
    operations === undefined || (Array.isArray(operations) && operations.includes('verify'))
  return useFits && operationsFit
}

function algorithmOf(jwk: JsonObject): Algorithm | undefined {
  const natural = jwk.kty === 'RSA' ? 'RS256' : CURVE_ALGORITHM[String(jwk.crv)]
  const alg = jwk.alg === undefined ? natural : algorithmNamed(jwk.alg)
  if (!alg) return undefined
  const recipe = RECIPES[alg]
  const fits = recipe.kty === jwk.kty && (recipe.curve === undefined || recipe.curve === jwk.crv)
  return fits ? alg : undefined
}

function readKey(jwk: JsonObject): KeyObject | undefined {
  try {
    return createPublicKey({ key: required(jwk as JsonWebKey) as JsonWebKey, format: 'jwk' })
  } catch {
    return undefined
  }
}

function weakness(key: KeyObject): string | undefined {
  if (key.asymmetricKeyType !== 'rsa') return undefined
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < RSA_BITS.least)
    return `An RSA key of ${modulusLength} bits is too short; use 2048 or more.`
  if (modulusLength > RSA_BITS.most)
    return `An RSA key of ${modulusLength} bits is too long; use 8192 or fewer.`
  if (publicExponent < 3n || publicExponent % 2n === 0n) return 'The RSA exponent is not sound.'
  const { n = '' } = exportJwk(key)
  const modulus = BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`)
  return isRocaModulus(modulus) ? 'The RSA key was made by a flawed generator (ROCA).' : undefined
}
