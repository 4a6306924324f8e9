import { hash, type KeyObject, sign, verify } from 'node:crypto'
import { bad, good, type Outcome } from '../outcome.ts'
import { type JsonObject, parseStrictObject } from '../strict-json.ts'
import { type Algorithm, algorithmNamed, RECIPES } from './algorithms.ts'
import { derFromJose, joseFromDer } from './ecdsa-signature.ts'
import { candidates, type KeySet } from './key-set.ts'
import type { PinnedKey } from './public-key.ts'

/** The longest compact token that we read, in characters. */
export const MAX_TOKEN = 16_384
const MAX_KID = 512
const SHAPE = /^[\w-]+\.[\w-]*\.[\w-]+$/

/** A token that was read but not yet verified: nothing in it may be believed, only used to find keys. */
export type UnverifiedJws = {
  readonly header: JsonObject
  readonly alg: Algorithm
  readonly kid?: string
  readonly payload: Buffer
  readonly signature: Buffer
  /** `header.payload`, what the signature covers. */
  readonly signed: string
}

export type VerifiedJws = { readonly header: JsonObject; readonly payload: Buffer; readonly key: PinnedKey }

const malformed = (says: string) => bad('malformed', 'jwt.malformed', says)

/**
 * Reads a compact JWS (RFC 7515 §7.1), refusing every spelling but the one: three parts of unpadded base64url with
 * zero trailing bits. JOSE libraries accept others, and anything keyed by the token's text would then miss them.
 */
export function parseJws(compact: string): Outcome<UnverifiedJws> {
  if (compact.length > MAX_TOKEN) {
    return bad('malformed', 'jwt.too_long', `The token is longer than ${MAX_TOKEN} characters.`)
  }
  if (!SHAPE.test(compact)) return malformed('The token is not three parts of base64url.')
  const first = compact.indexOf('.')
  const second = compact.indexOf('.', first + 1)
  const head = decodeCanonical(compact.slice(0, first))
  const payload = decodeCanonical(compact.slice(first + 1, second))
  const signature = decodeCanonical(compact.slice(second + 1))
  if (!head || !payload || !signature) return malformed('A part of the token is not canonical base64url.')
  const header = parseStrictObject(head)
  if (!header) return malformed('The header of the token is not a JSON object with unique members.')
  return withHeader(header, { payload, signature, signed: compact.slice(0, second) })
}

type Parts = Pick<UnverifiedJws, 'payload' | 'signature' | 'signed'>

function withHeader(header: JsonObject, parts: Parts): Outcome<UnverifiedJws> {
  // RFC 7515 §4.1.11: what is critical must be understood, and we understand no extension. `b64` would change what
  // is signed (RFC 7797) and `zip` hides a size; neither has a place in a signed token here.
  for (const member of ['crit', 'b64', 'zip']) {
    if (Object.hasOwn(header, member)) {
      return bad('malformed', 'jwt.crit', `The header of the token uses "${member}", which is not supported.`)
    }
  }
  const alg = algorithmNamed(header.alg)
  if (!alg) return bad('unauthenticated', 'jwt.alg', 'The signature algorithm of the token is not accepted.')
  const { kid, typ } = header
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID)) {
    return malformed('The kid of the token is not a short string.')
  }
  if (typ !== undefined && typeof typ !== 'string') return malformed('The typ of the token is not a string.')
  return good({ header, alg, ...(kid === undefined ? {} : { kid }), ...parts })
}

/** Verifies the signature with a key of the set, by the one algorithm that key is pinned to. */
export function verifyJws(
  jws: UnverifiedJws,
  keys: KeySet,
  algorithms: readonly Algorithm[],
): Outcome<VerifiedJws> {
  if (!algorithms.includes(jws.alg)) {
    return bad('unauthenticated', 'jwt.alg', 'The signature algorithm of the token is not accepted.', {
      alg: jws.alg,
    })
  }
  const possible = candidates(keys, jws.kid, jws.alg)
  if (possible.length === 0) {
    return bad('unauthenticated', 'jwt.key_unknown', 'No key of the issuer fits the token.', { alg: jws.alg })
  }
  const key = possible.find((candidate) => signatureHolds(jws, candidate))
  if (!key) return bad('unauthenticated', 'jwt.signature', 'The signature of the token does not verify.')
  return good({ header: jws.header, payload: jws.payload, key })
}

export function signatureHolds(jws: UnverifiedJws, pinned: PinnedKey): boolean {
  const recipe = RECIPES[pinned.alg]
  if (jws.alg !== pinned.alg) return false
  if (recipe.length !== undefined && jws.signature.length !== recipe.length) return false
  const data = Buffer.from(jws.signed, 'latin1')
  if (recipe.der) return verify(recipe.digest, data, pinned.key, derFromJose(jws.signature))
  return verify(recipe.digest, data, { key: pinned.key, ...recipe.options }, jws.signature)
}

/** Signs a compact JWS. `header` and `payload` are JSON texts. */
export function signJws(header: string, payload: string, key: KeyObject, alg: Algorithm): string {
  return signUnder(encode(header), payload, key, alg)
}

/** The same under a header that was encoded before. */
export function signUnder(head: string, payload: string, key: KeyObject, alg: Algorithm): string {
  const recipe = RECIPES[alg]
  const signed = `${head}.${encode(payload)}`
  const data = Buffer.from(signed, 'latin1')
  const made = sign(recipe.digest, data, recipe.der ? key : { key, ...recipe.options })
  const signature = recipe.der && recipe.length ? joseFromDer(made, recipe.length) : made
  return `${signed}.${signature.toString('base64url')}`
}

/**
 * What names a token for single use: SHA-256 of `header.payload`. Not of the whole token, since anyone can turn one
 * ECDSA signature (r, s) into a second valid one (r, n - s).
 */
export function tokenDigest(jws: Pick<UnverifiedJws, 'signed'>): string {
  return hash('sha256', jws.signed, 'base64url')
}

/** Base64url of its UTF-8. */
export function encode(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64url')
}

function decodeCanonical(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url')
  return bytes.toString('base64url') === part ? bytes : undefined
}
