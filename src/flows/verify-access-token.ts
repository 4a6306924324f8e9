import { hash } from 'node:crypto'
import {
  type AccessTokenClaims,
  accessTokenSchema,
  chainOf,
  TOKEN_TYP,
} from '../core/identity/access-token.ts'
import type { PrincipalChain } from '../core/identity/principal-chain.ts'
import type { TenantName, TokenId } from '../core/ids.ts'
import { endedBy, type Link, link } from '../core/lifecycle/revocation.ts'
import { type Refusal, type RefusalKind, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { TenantSnapshot } from '../core/snapshot.ts'
import type { EpochSeconds } from '../core/time.ts'
import { verifyDpop } from '../lib/jose/dpop.ts'
import type { ReplayCache } from '../lib/jose/dpop-replay.ts'
import { parseJws } from '../lib/jose/jws.ts'
import { unverifiedClaims, verifyJwt } from '../lib/jose/jwt.ts'
import { createLru, type Lru } from '../lib/lru.ts'
import { publishedKeys, publishes } from './published-keys.ts'

/** What came with a request: every value of its `Authorization` and `DPoP` fields, and what a proof must be for. */
export type PresentedToken = {
  readonly authorization: readonly string[]
  readonly dpop: readonly string[]
  readonly method: string
  /** Our configured origin and the request's path; never built from `Host`. */
  readonly url: string
}

/** Whose token it must be, and for what: the tenant's issuer, and the one resource (RFC 8707) or issuer in `aud`. */
export type ExpectedToken = { readonly issuer: string; readonly audience: string }

export type VerifiedAccess = {
  readonly chain: PrincipalChain
  readonly jti: TokenId
  /** Single use: must be spent at the authority before it counts. */
  readonly once: boolean
  /** Not bound to a key: whoever holds it can use it. Shown as `bearer` in the audit. */
  readonly bearer: boolean
  readonly claims: AccessTokenClaims
}

/** A token whose signature and shape were found good, by which key. Says nothing about now. */
type Signed = {
  readonly claims: AccessTokenClaims
  readonly chain: PrincipalChain
  readonly kid: string
  readonly x: string
}
export type AccessTokenCache = Lru<string, Signed>

export type AccessPorts = {
  readonly cache: AccessTokenCache
  readonly replay: ReplayCache
  /** The nonces this process gave out and still takes; absent when it asks for none. */
  readonly nonces?: readonly string[]
}

export function createAccessTokenCache(max = 20_000): AccessTokenCache {
  return createLru(max)
}

const CREDENTIALS = /^(bearer|dpop) +([A-Za-z0-9._~+/-]+=*)$/i

/**
 * The one check of our own access tokens (RFC 9068 §4, RFC 9449 §7.1), at gateways and at the authority. The signature is remembered;
 * times, revocation and the proof of possession are checked each time. Clocks get no leeway: the issuer is ours.
 */
export function verifyAccessToken(
  presented: PresentedToken,
  expected: ExpectedToken,
  tenant: TenantSnapshot,
  now: EpochSeconds,
  ports: AccessPorts,
): Result<VerifiedAccess, Refusal> {
  const credentials = readCredentials(presented.authorization)
  if (!credentials.ok) return credentials
  const { bound, token } = credentials.value
  const verified = verifySignedToken(token, expected, tenant, now, ports.cache)
  if (!verified.ok) return verified
  const { claims, chain } = verified.value
  const proven = provePossession({ bound, token, claims }, presented, now, ports)
  if (!proven.ok) return proven
  return ok({ chain, claims, jti: claims.jti as TokenId, once: claims.once === true, bearer: !claims.cnf })
}

/** The same without a proof of possession: for introspection and revocation, where the caller proves itself another way. */
export function verifySignedToken(
  token: string,
  expected: { readonly issuer: string; readonly audience: string | null },
  tenant: TenantSnapshot,
  now: EpochSeconds,
  cache: AccessTokenCache,
): Result<{ readonly claims: AccessTokenClaims; readonly chain: PrincipalChain }, Refusal> {
  const signed = remembered(token, expected.issuer, tenant, now, cache)
  if (!signed.ok) return signed
  const { claims, chain } = signed.value
  if (claims.iss !== expected.issuer) return no('token.issuer')
  if (expected.audience !== null && claims.aud !== expected.audience) return no('token.audience')
  if (claims.exp <= now) return no('token.expired')
  if (claims.iat > now) return no('token.future')
  const standing = tenantStands(tenant)
  if (standing) return err(standing)
  const ended = endedBy(chain.links, chain.rev, tenant.revocations)
  if (ended)
    return err(
      refuse('stale', 'token.revoked', SAYS['token.revoked'], {
        link: ended.link,
        why: ended.revoked.reason,
      }),
    )
  return ok({ claims, chain })
}

/** Why nothing of this tenant counts, if so: it is suspended, or something stored for it can't be used. */
export function tenantStands(tenant: TenantSnapshot): Refusal | undefined {
  if (tenant.broken !== undefined)
    return refuse(
      'denied',
      'tenant.broken',
      'Something stored for this tenant can not be used; its operator must repair it.',
    )
  if (tenant.tenant.state !== 'active')
    return refuse('denied', 'tenant.suspended', 'This tenant is suspended.')
  return undefined
}

function readCredentials(
  values: readonly string[],
): Result<{ readonly bound: boolean; readonly token: string }, Refusal> {
  const [value] = values
  if (value === undefined) return no('token.missing')
  if (values.length > 1) return no('token.several')
  const found = CREDENTIALS.exec(value)
  if (!found) return no('token.scheme')
  return ok({ bound: found[1]?.toLowerCase() === 'dpop', token: found[2] ?? '' })
}

function remembered(
  token: string,
  issuer: string,
  tenant: TenantSnapshot,
  now: EpochSeconds,
  cache: AccessTokenCache,
): Result<Signed, Refusal> {
  const key = `${tenant.tenant.tenant} ${hash('sha256', token, 'base64url')}`
  const before = cache.get(key)
  // A key that is no longer published takes its tokens with it.
  if (before && publishes(tenant, before.kid, before.x)) return ok(before)
  const signed = readSigned(token, issuer, tenant, now)
  if (signed.ok) cache.set(key, signed.value)
  return signed
}

function readSigned(
  token: string,
  issuer: string,
  tenant: TenantSnapshot,
  now: EpochSeconds,
): Result<Signed, Refusal> {
  const jws = parseJws(token)
  if (!jws.ok) return no('token.malformed')
  // Another tenant's token has another key too; saying so first gives the reason a person can use.
  const stated = unverifiedClaims(jws.value)
  if (stated.ok && stated.value.iss !== issuer) return no('token.issuer')
  const rules = {
    typ: TOKEN_TYP.access,
    algorithms: ['ES256'] as const,
    issuer,
    audience: null,
    now,
    leeway: 0,
  }
  const verified = verifyJwt(jws.value, { ...rules, keys: publishedKeys(tenant) })
  if (!verified.ok) return no(FROM_JWT[verified.error.reason] ?? 'token.malformed')
  const claims = accessTokenSchema.safeParse(verified.value.claims)
  const { kid } = verified.value.key
  if (!claims.success || kid === undefined) return no('token.malformed')
  const own = chainOf(tenant.tenant.tenant as TenantName, claims.data)
  // The tenant and the token itself can be revoked too; with them here, whoever looks at a chain's links sees every end of it.
  const links: readonly Link[] = [...own.links, link('tenant', own.tenant), link('token', claims.data.jti)]
  const chain = { ...own, links }
  return ok({ claims: claims.data, chain, kid, x: tenant.keys.get(kid)?.jwk.x ?? '' })
}

type Held = { readonly bound: boolean; readonly token: string; readonly claims: AccessTokenClaims }

/** RFC 9449 §7.1: a bound token is good only with a proof of its key, and never as a bearer. */
function provePossession(
  held: Held,
  presented: PresentedToken,
  now: EpochSeconds,
  ports: AccessPorts,
): Result<void, Refusal> {
  const jkt = held.claims.cnf?.jkt
  if (jkt === undefined) return held.bound ? no('token.not_bound') : ok(undefined)
  if (!held.bound) return no('token.bound')
  const { replay, nonces } = ports
  const proof = verifyDpop({
    proofs: presented.dpop,
    method: presented.method,
    url: presented.url,
    accessToken: held.token,
    now,
    replay,
    ...(nonces ? { nonces } : {}),
  })
  if (!proof.ok) return proof
  return proof.value.jkt === jkt ? ok(undefined) : no('dpop.key_mismatch')
}

const KINDS = {
  'token.missing': 'unauthenticated',
  'token.several': 'malformed',
  'token.scheme': 'malformed',
  'token.malformed': 'unauthenticated',
  'token.typ': 'unauthenticated',
  'token.alg': 'unauthenticated',
  'token.signature': 'unauthenticated',
  'token.issuer': 'unauthenticated',
  'token.audience': 'unauthenticated',
  'token.expired': 'stale',
  'token.future': 'unauthenticated',
  'token.revoked': 'stale',
  'token.bound': 'unauthenticated',
  'token.not_bound': 'unauthenticated',
  'dpop.key_mismatch': 'unauthenticated',
} as const satisfies Record<string, RefusalKind>
type Reason = keyof typeof KINDS

const SAYS: Readonly<Record<Reason, string>> = {
  'token.missing': 'An access token is required.',
  'token.several': 'Send exactly one Authorization header.',
  'token.scheme': 'The Authorization header is neither Bearer nor DPoP with one token.',
  'token.malformed': 'The access token can not be read.',
  'token.typ': 'This is not an access token (its typ is not at+jwt).',
  'token.alg': 'The access token is signed with an algorithm that is not ours.',
  'token.signature': 'The access token was not signed by this tenant.',
  'token.issuer': 'The access token is of another tenant or issuer.',
  'token.audience': 'The access token is meant for another resource.',
  'token.expired': 'The access token has expired; ask for a new one.',
  'token.future': 'The access token is from the future; check the clocks.',
  'token.revoked': 'What the access token stands on was revoked.',
  'token.bound': 'The access token is bound to a key: send it as DPoP, with a proof.',
  'token.not_bound': 'The access token is not bound to a key: send it as Bearer.',
  'dpop.key_mismatch': 'The DPoP proof was made with another key than the access token is bound to.',
}

const FROM_JWT: Readonly<Record<string, Reason>> = {
  'jwt.typ': 'token.typ',
  'jwt.alg': 'token.alg',
  'jwt.key_unknown': 'token.signature',
  'jwt.signature': 'token.signature',
  'jwt.issuer': 'token.issuer',
  'jwt.expired': 'token.expired',
  'jwt.not_yet': 'token.future',
  'jwt.future': 'token.future',
}

function no(reason: Reason): Result<never, Refusal> {
  return err(refuse(KINDS[reason], reason, SAYS[reason]))
}
