import type { IdentityProvider } from '../core/identity/identity-provider.ts'
import { seconds } from '../core/identity/name.ts'
import type { Link } from '../core/lifecycle/revocation.ts'
import { type Refusal, type RefusalKind, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { parseJws } from '../lib/jose/jws.ts'
import { type Claims, unverifiedClaims, verifyJwt } from '../lib/jose/jwt.ts'
import { isJsonObject } from '../lib/strict-json.ts'
import type { AuthorityView } from './authority.ts'
import { sidLogin, unnamedLogins } from './login.ts'
import { IDP_ALGORITHMS, providerOf, userOf, type VerifiedUser } from './verify-user-token.ts'

const TYP = 'oauth-id-jag+jwt'
const MAX_JTI = 256
const MAX_RESOURCES = 20
/** Seconds that the door for foreign tokens gives clocks, and one more. */
const LEEWAY = 6

/**
 * What the company's identity provider says by an ID-JAG (draft-ietf-oauth-identity-assertion-authz-grant §4.1): this client may act for
 * this user here. It counts only once `spend` was spent, and only for the client that it names.
 */
export type IdJag = {
  readonly user: VerifiedUser
  /**
   * The sign-in that it comes from, or the user where the provider names none: the same for each assertion, so that what a session has seen is
   * not forgotten with the next one.
   */
  readonly signIn: Link
  readonly clientId: string
  /** URIs that it is for; absent: it names none. */
  readonly resources?: readonly string[]
  readonly scope?: readonly string[]
  /** The key that whoever brings it must hold. */
  readonly jkt?: string
  readonly spend: { readonly key: string; readonly expires: number }
}

/** Whether a JWT says that it is an ID-JAG; whether it is a good one, `verifyIdJag` finds out. */
export function isIdJag(compact: string): boolean {
  const jws = parseJws(compact)
  return jws.ok && [TYP, `application/${TYP}`].includes(String(jws.value.header.typ).toLowerCase())
}

/**
 * Verifies an ID-JAG of one of the tenant's own providers: the type, an algorithm that we list, our issuer as its only audience, a short life, a
 * user who counts here. Nothing is spent. Reasons: `assertion.*`, and those of a user (`user.*`, `login.*`).
 */
export async function verifyIdJag(view: AuthorityView, compact: string): Promise<Result<IdJag, Refusal>> {
  const jws = parseJws(compact)
  const stated = jws.ok ? unverifiedClaims(jws.value) : jws
  if (!jws.ok || !stated.ok) return no('assertion.malformed')
  const idp = providerOf(view, stated.value.iss)
  if (!idp?.id_jag) return no('assertion.issuer')
  const keys = await view.ports.idpKeys(view.name, idp).find(jws.value.kid, view.now)
  if (!keys.ok) return err(refuse(keys.error.refused, keys.error.reason, keys.error.says))
  const verified = verifyJwt(jws.value, {
    keys: keys.value,
    algorithms: IDP_ALGORITHMS,
    typ: TYP,
    issuer: idp.issuer,
    audience: view.issuer,
    soleAudience: true,
    now: view.now,
    maxLife: seconds(idp.id_jag.life),
  })
  if (!verified.ok) return no(FROM_JWT[verified.error.reason] ?? 'assertion.malformed')
  return read(view, verified.value.claims, idp)
}

function read(view: AuthorityView, claims: Claims, idp: IdentityProvider): Result<IdJag, Refusal> {
  const { sub, jti, client_id: clientId, exp } = claims
  if (!sub || !jti || jti.length > MAX_JTI || typeof clientId !== 'string') return no('assertion.malformed')
  // Of an issuer that serves several companies, only ours speaks for our users (§3.1: the user is `iss`, `tenant` and `sub`).
  if (claims['tenant'] !== idp.id_jag?.tenant) return no('assertion.tenant')
  // It would limit what is granted; a limit that is not understood must not be dropped.
  if (claims['authorization_details'] !== undefined) return no('assertion.unsupported')
  const [resources, scope, jkt] = [resourcesIn(claims), scopeIn(claims), keyIn(claims)]
  if (resources === null || scope === null || jkt === null) return no('assertion.malformed')
  const user = userOf(view, claims, idp)
  if (!user.ok) return user
  const { sid } = claims
  return ok({
    user: user.value,
    signIn: typeof sid === 'string' ? sidLogin(idp.idp, sid) : unnamedLogins(idp.idp, user.value.id),
    clientId,
    // By the issuer and not by our name for it: a provider that is renamed must not make old ones new.
    spend: { key: `id-jag ${JSON.stringify([idp.issuer, jti])}`, expires: exp + LEEWAY },
    ...(resources === undefined ? {} : { resources }),
    ...(scope === undefined ? {} : { scope }),
    ...(jkt === undefined ? {} : { jkt }),
  })
}

/** Null: not as it must be. RFC 8707 §2 lets it be one or several. */
function resourcesIn({ resource }: Claims): readonly string[] | undefined | null {
  if (resource === undefined) return undefined
  const all: readonly unknown[] = Array.isArray(resource) ? resource : [resource]
  const fit = all.length > 0 && all.length <= MAX_RESOURCES && all.every((each) => typeof each === 'string')
  return fit ? (all as readonly string[]) : null
}

function scopeIn({ scope }: Claims): readonly string[] | undefined | null {
  if (scope === undefined) return undefined
  return typeof scope === 'string' ? scope.split(' ').filter((word) => word !== '') : null
}

function keyIn({ cnf }: Claims): string | undefined | null {
  if (cnf === undefined) return undefined
  const jkt = isJsonObject(cnf) ? cnf['jkt'] : undefined
  // A confirmation of another kind is one that nobody here could check.
  return typeof jkt === 'string' ? jkt : null
}

const NO = {
  'assertion.malformed': ['unauthenticated', 'The assertion does not hold what an ID-JAG must.'],
  'assertion.issuer': ['unauthenticated', 'ID-JAGs of this issuer are not taken here.'],
  'assertion.signature': ['unauthenticated', 'The assertion was not signed by its issuer.'],
  'assertion.audience': ['unauthenticated', 'The assertion is not meant for this issuer alone.'],
  'assertion.expired': ['stale', 'The assertion has expired; get a new one.'],
  'assertion.future': ['unauthenticated', 'The assertion is from the future; check the clocks.'],
  'assertion.life': ['unauthenticated', 'The assertion lives longer than is taken here.'],
  'assertion.tenant': ['unauthenticated', 'The assertion is of another company at the same provider.'],
  'assertion.unsupported': [
    'unauthenticated',
    'The assertion holds authorization_details, which are not understood here.',
  ],
} as const satisfies Record<string, readonly [RefusalKind, string]>

const FROM_JWT: Readonly<Record<string, keyof typeof NO>> = {
  'jwt.alg': 'assertion.signature',
  'jwt.key_unknown': 'assertion.signature',
  'jwt.signature': 'assertion.signature',
  'jwt.audience': 'assertion.audience',
  'jwt.expired': 'assertion.expired',
  'jwt.not_yet': 'assertion.future',
  'jwt.future': 'assertion.future',
  'jwt.life': 'assertion.life',
}

function no(reason: keyof typeof NO): Result<never, Refusal> {
  return err(refuse(NO[reason][0], reason, NO[reason][1]))
}
