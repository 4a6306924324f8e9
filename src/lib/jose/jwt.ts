import type { KeyObject } from 'node:crypto'
import { createLru } from '../lru.ts'
import { bad, good, type Outcome, type Problem } from '../outcome.ts'
import { type JsonObject, parseStrictObject } from '../strict-json.ts'
import type { Algorithm } from './algorithms.ts'
import { encode, parseJws, signUnder, type UnverifiedJws, verifyJws } from './jws.ts'
import type { KeySet } from './key-set.ts'
import type { PinnedKey } from './public-key.ts'

/** What must hold for one kind of token. Everything that could be forgotten is required; `null` says "not checked" aloud. */
export type JwtRules = {
  readonly keys: KeySet
  readonly algorithms: readonly Algorithm[]
  /** Explicit type (RFC 8725 §3.11), compared without case and without `application/`. Several may be allowed. */
  readonly typ: string | readonly string[]
  /** Also take a token that states no `typ`: only for kinds whose issuers never write one. Default false. */
  readonly typOptional?: boolean
  readonly issuer: string | null
  /** One of these must be in `aud`. */
  readonly audience: string | readonly string[] | null
  /** `aud` must hold nothing else. Default false. */
  readonly soleAudience?: boolean
  /** Seconds since 1970. */
  readonly now: number
  /** Seconds by which the issuer's clock may differ. Default 5. */
  readonly leeway?: number
  /** Most seconds since `iat`; makes `iat` required. */
  readonly maxAge?: number
  /** Most seconds between `iat` and `exp`; makes `iat` required. */
  readonly maxLife?: number
}

export type Claims = JsonObject & {
  readonly exp: number
  readonly iat?: number
  readonly nbf?: number
  readonly iss?: string
  readonly sub?: string
  readonly jti?: string
  readonly aud?: string | readonly string[]
}

export type VerifiedJwt = { readonly header: JsonObject; readonly claims: Claims; readonly key: PinnedKey }

const DEFAULT_LEEWAY = 5

/** The door for every JWT from outside (RFC 7519, RFC 8725): syntax, type, signature, then claims. */
export function verifyJwt(token: string | UnverifiedJws, rules: JwtRules): Outcome<VerifiedJwt> {
  const parsed = typeof token === 'string' ? parseJws(token) : good(token)
  if (!parsed.ok) return parsed
  if (!typFits(parsed.value.header.typ, rules)) {
    return bad('unauthenticated', 'jwt.typ', 'The token is not of the kind that is expected here.')
  }
  const verified = verifyJws(parsed.value, rules.keys, rules.algorithms)
  if (!verified.ok) return verified
  const claims = readClaims(verified.value.payload)
  if (!claims.ok) return claims
  const problem = audienceProblem(claims.value, rules) ?? timeProblem(claims.value, rules)
  if (problem) return problem
  return good({ header: verified.value.header, claims: claims.value, key: verified.value.key })
}

/** The claims of a token that is not verified: for choosing whom to ask, never for believing. */
export function unverifiedClaims(jws: UnverifiedJws): Outcome<Claims> {
  return readClaims(jws.payload)
}

function typFits(stated: unknown, rules: JwtRules): boolean {
  if (stated === undefined) return rules.typOptional === true
  const expected = typeof rules.typ === 'string' ? [rules.typ] : rules.typ
  const plain = plainTyp(String(stated))
  return expected.some((typ) => plainTyp(typ) === plain)
}

/** RFC 7515 §4.1.9: `application/` may be left out; media types have no case. */
function plainTyp(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, '')
}

const STRINGS = ['iss', 'sub', 'jti'] as const
const TIMES = ['exp', 'nbf', 'iat'] as const

const read = new WeakMap<Buffer, Outcome<Claims>>()

/** The same bytes are read once, however often they are asked for on the way. */
function readClaims(payload: Buffer): Outcome<Claims> {
  const before = read.get(payload)
  if (before) return before
  const claims = claimsIn(payload)
  read.set(payload, claims)
  return claims
}

function claimsIn(payload: Buffer): Outcome<Claims> {
  const claims = parseStrictObject(payload)
  if (!claims)
    return bad('malformed', 'jwt.malformed', 'The claims are not a JSON object with unique members.')
  for (const name of STRINGS) {
    if (claims[name] !== undefined && typeof claims[name] !== 'string') return wrongType(name)
  }
  for (const name of TIMES) {
    if (claims[name] !== undefined && !isTime(claims[name])) return wrongType(name)
  }
  if (claims.exp === undefined) return bad('unauthenticated', 'jwt.claims', 'The token has no end (exp).')
  if (claims.aud !== undefined && !isAudience(claims.aud)) return wrongType('aud')
  return good(claims as Claims)
}

function wrongType(claim: string): Outcome<never> {
  return bad('malformed', 'jwt.claims', `The claim "${claim}" is not of its type.`, { claim })
}

function isTime(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isAudience(value: unknown): boolean {
  if (typeof value === 'string') return true
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')
}

function audienceProblem(claims: Claims, rules: JwtRules): { ok: false; error: Problem } | undefined {
  if (rules.issuer !== null && claims.iss !== rules.issuer) {
    return bad('unauthenticated', 'jwt.issuer', 'The token is not from the expected issuer.')
  }
  if (rules.audience === null) return undefined
  const expected = typeof rules.audience === 'string' ? [rules.audience] : rules.audience
  const stated = claims.aud === undefined ? [] : typeof claims.aud === 'string' ? [claims.aud] : claims.aud
  const fits = stated.some((audience) => expected.includes(audience))
  if (fits && (!rules.soleAudience || stated.length === 1)) return undefined
  return bad('unauthenticated', 'jwt.audience', 'The token is meant for another audience.')
}

function timeProblem(claims: Claims, rules: JwtRules): { ok: false; error: Problem } | undefined {
  const { now, leeway = DEFAULT_LEEWAY } = rules
  const { exp, nbf, iat } = claims
  if (exp <= now - leeway) return bad('stale', 'jwt.expired', 'The token has expired.', { exp })
  if (nbf !== undefined && nbf > now + leeway) {
    return bad('unauthenticated', 'jwt.not_yet', 'The token is not valid yet.', { nbf })
  }
  if (iat !== undefined && iat > now + leeway) {
    return bad('unauthenticated', 'jwt.future', 'The token was issued in the future; check the clocks.', {
      iat,
    })
  }
  if (rules.maxAge === undefined && rules.maxLife === undefined) return undefined
  if (iat === undefined)
    return bad('unauthenticated', 'jwt.claims', 'The token does not say when it was issued.')
  if (now - iat > (rules.maxAge ?? Number.POSITIVE_INFINITY) + leeway) {
    return bad('stale', 'jwt.too_old', 'The token was issued too long ago.', { iat })
  }
  if (exp - iat > (rules.maxLife ?? Number.POSITIVE_INFINITY)) {
    return bad('unauthenticated', 'jwt.life', 'The token lives longer than is allowed.', { exp, iat })
  }
  return undefined
}

export type Signer = {
  readonly key: KeyObject
  readonly kid: string
  readonly alg?: Algorithm
  readonly typ: string
}

/** A key signs many tokens of a few kinds, all under the same header. */
const heads = createLru<string, string>(256)

/** Signs claims as a compact JWT. ES256 unless said otherwise. Synchronous: 20 µs on one core. */
export function signJwt(claims: Readonly<Record<string, unknown>>, signer: Signer): string {
  const { typ, kid, key, alg = 'ES256' } = signer
  const header = JSON.stringify({ alg, typ, kid })
  const known = heads.get(header)
  const head = known ?? encode(header)
  if (known === undefined) heads.set(header, head)
  return signUnder(head, JSON.stringify(claims), key, alg)
}
