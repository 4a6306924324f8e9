import type { IdentityProvider } from '../core/identity/identity-provider.ts'
import { userId } from '../core/identity/user.ts'
import { splitAgentId, type TenantName, type UserId } from '../core/ids.ts'
import { endedBy, type Link, link } from '../core/lifecycle/revocation.ts'
import { type Refusal, type RefusalKind, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { EpochSeconds } from '../core/time.ts'
import type { Algorithm } from '../lib/jose/algorithms.ts'
import { parseJws, type UnverifiedJws } from '../lib/jose/jws.ts'
import { type Claims, unverifiedClaims, verifyJwt } from '../lib/jose/jwt.ts'
import { good, type Outcome } from '../lib/outcome.ts'
import { isJsonObject } from '../lib/strict-json.ts'
import type { AuthorityView } from './authority.ts'
import { recall, remember, tokenKey } from './authority-memory.ts'
import type { Caller } from './caller.ts'
import { type Login, loggedOut, loginLinks } from './login.ts'
import type { SubjectToken } from './token-ask.ts'

/** The user that a token of the company's identity provider stands for. */
export type VerifiedUser = {
  readonly id: UserId
  /** For people: the listed name, else the provider's `sub`. */
  readonly name: string
  /** Set when the provider's users need not be listed, and this one has no entry yet. */
  readonly fresh?: { readonly idp: IdentityProvider; readonly claims: Claims }
  readonly links: readonly Link[]
  /** Tells this sign-in apart, for the session. */
  readonly login: Link
  readonly expires: EpochSeconds
}

/** What identity providers sign with. No curve or hash is asked of them beyond what our JOSE door knows. */
export const IDP_ALGORITHMS: readonly Algorithm[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'Ed25519',
]

/**
 * A subject token (RFC 8693 §2.1) that must be meant for us: its audience is our tenant issuer, or it is an ID token of the client that is
 * registered to the very agent that presents it (ARCHITECTURE §3). Everything but the signature is judged each time. `key` is its `tokenKey`.
 */
export async function verifyUserToken(
  view: AuthorityView,
  token: ReadJwt,
  key: string,
  caller: Caller,
  type: SubjectToken['type'],
): Promise<Result<VerifiedUser, Refusal>> {
  const found = await verifiedClaims(view, token, key)
  return found.ok ? judged(view, found.value, caller, type) : found
}

/** The same of a token that this process verified before: at once. Undefined when that is not so. */
export function knownUserToken(
  view: AuthorityView,
  key: string,
  caller: Caller,
  type: SubjectToken['type'],
): Result<VerifiedUser, Refusal> | undefined {
  const claims = recall(view.ports.memory.userTokens, key, view.tenant.idps, view.now)
  const found = claims && verified.get(claims)
  return found && judged(view, found, caller, type)
}

/** Everything but the signature, each time. */
function judged(
  view: AuthorityView,
  { claims, idp, accessToken }: Found,
  caller: Caller,
  type: SubjectToken['type'],
): Result<VerifiedUser, Refusal> {
  if (!isOfType(type, claims, accessToken, view.issuer)) return no('subject.type')
  if (!isForUs(view, claims, idp, caller, accessToken)) return no('subject.audience')
  if (!mayAct(view, claims, idp, caller)) return no('subject.may_act')
  return userOf(view, claims, idp)
}

/**
 * The ID token that a sign-in of ours ended with: of our client there and nobody else, and of this very sign-in (OpenID Connect Core
 * §3.1.3.7). Everything else is as for a subject token.
 */
export async function verifySignIn(
  view: AuthorityView,
  token: string,
  { client, nonce }: { readonly client: string; readonly nonce: string },
): Promise<Result<VerifiedUser, Refusal>> {
  const found = await verifiedClaims(view, readJwt(token), tokenKey(view.name, token))
  if (!found.ok) return found
  const { claims, idp, accessToken } = found.value
  const sole = typeof claims.aud === 'string' ? claims.aud : claims.aud?.length === 1 && claims.aud[0]
  if (accessToken || sole !== client || (claims.azp !== undefined && claims.azp !== client))
    return no('subject.audience')
  if (claims['nonce'] !== nonce) return no('subject.nonce')
  return userOf(view, claims, idp)
}

/** A token that was read once and not yet verified: what it states only says whose it may be. */
export type ReadJwt = Outcome<{ readonly jws: UnverifiedJws; readonly claims: Claims }>

export function readJwt(compact: string): ReadJwt {
  const jws = parseJws(compact)
  if (!jws.ok) return jws
  const claims = unverifiedClaims(jws.value)
  return claims.ok ? good({ jws: jws.value, claims: claims.value }) : claims
}

type Found = { readonly claims: Claims; readonly idp: IdentityProvider; readonly accessToken: boolean }
const verified = new WeakMap<Claims, Found>()

async function verifiedClaims(
  view: AuthorityView,
  read: ReadJwt,
  key: string,
): Promise<Result<Found, Refusal>> {
  if (!read.ok) return no('subject.malformed')
  const { jws, claims: stated } = read.value
  const idp = providerOf(view, stated.iss)
  if (!idp) return no('subject.issuer_untrusted')
  const keys = await view.ports.idpKeys(view.name, idp).find(jws.kid, view.now)
  if (!keys.ok) return err(refuse(keys.error.refused, keys.error.reason, keys.error.says))
  const proven = verifyJwt(jws, {
    keys: keys.value,
    algorithms: IDP_ALGORITHMS,
    // ID tokens say JWT or nothing; access tokens of providers that follow RFC 9068 say at+jwt.
    typ: ['JWT', 'at+jwt'],
    typOptional: true,
    issuer: idp.issuer,
    // Who it is for depends on who brings it, and is judged by the caller each time.
    audience: null,
    now: view.now,
  })
  if (!proven.ok) return no(FROM_JWT[proven.error.reason] ?? 'subject.malformed')
  const { claims, header } = proven.value
  // A logout token may also say typ JWT and name our client; what it means is the opposite (Back-Channel Logout 1.0 §2.4).
  if (typeof claims.sub !== 'string' || claims.iat === undefined || claims.events !== undefined)
    return no('subject.malformed')
  const accessToken = String(header.typ).toLowerCase().endsWith('at+jwt')
  remember(view.ports.memory.userTokens, key, view.tenant.idps, view.now, claims)
  const found = { claims, idp, accessToken }
  verified.set(claims, found)
  return ok(found)
}

/** The one provider with this issuer; two of them would make the answer depend on their order. */
export function providerOf(view: AuthorityView, iss: string | undefined): IdentityProvider | undefined {
  const found = [...view.tenant.idps.values()].filter((idp) => idp.issuer === iss)
  return found.length === 1 ? found[0] : undefined
}

/**
 * RFC 8693 §3: a token is what `subject_token_type` says. Providers that write no type of their own give both kinds the same header; then
 * the audience tells them apart: an access token is for the resource, which is us, an ID token is for a client.
 */
function isOfType(
  type: SubjectToken['type'],
  { aud }: Claims,
  accessToken: boolean,
  issuer: string,
): boolean {
  if (type === 'id_token') return !accessToken
  return type === 'jwt' || accessToken || (typeof aud === 'string' ? [aud] : (aud ?? [])).includes(issuer)
}

/** Our issuer in `aud`; or, for an ID token, the client of this very agent and of nobody else (OIDC Core §3.1.3.7). */
function isForUs(
  view: AuthorityView,
  claims: Claims,
  idp: IdentityProvider,
  caller: Caller,
  accessToken: boolean,
): boolean {
  const audiences = typeof claims.aud === 'string' ? [claims.aud] : (claims.aud ?? [])
  if (audiences.includes(view.issuer)) return true
  const client = clientOf(view.name, idp, caller)
  if (client === undefined || accessToken) return false
  return (
    audiences.includes(client) &&
    audiences.length === 1 &&
    (claims.azp === undefined || claims.azp === client)
  )
}

function clientOf(tenant: TenantName, idp: IdentityProvider, caller: Caller): string | undefined {
  if (caller.workload.kind !== 'agent') return undefined
  const { home, agent } = splitAgentId(caller.workload.id)
  const listed = (ref: string) => (Object.hasOwn(idp.clients, ref) ? idp.clients[ref] : undefined)
  return listed(caller.workload.id) ?? (home === tenant ? listed(agent) : undefined)
}

/** RFC 8693 §4.4: where the token says who may act, every member must be this agent; one we can't read is a no. */
function mayAct(view: AuthorityView, claims: Claims, idp: IdentityProvider, caller: Caller): boolean {
  if (claims.may_act === undefined) return true
  if (!isJsonObject(claims.may_act) || caller.workload.kind !== 'agent') return false
  const { iss, ...rest } = claims.may_act
  const home = `${view.ports.origin}/t/${splitAgentId(caller.workload.id).home}`
  const names: unknown[] = []
  if (iss === undefined || iss === home) names.push(caller.workload.id)
  if (iss === undefined || iss === idp.issuer) names.push(clientOf(view.name, idp, caller))
  const members = Object.entries(rest)
  return (
    members.length > 0 &&
    members.every(
      ([name, value]) =>
        (name === 'sub' || name === 'client_id') && typeof value === 'string' && names.includes(value),
    )
  )
}

/** The user of this tenant that verified claims of a provider name, unless they are not listed, logged out or revoked. */
export function userOf(
  view: AuthorityView,
  claims: Claims,
  idp: IdentityProvider,
): Result<VerifiedUser, Refusal> {
  const { login, logins, links } = signedIn(view.name, claims, idp)
  const doc = view.tenant.users.get(login.user)
  if (!doc && idp.users === 'listed') return no('user.unlisted')
  if (loggedOut(view.tenant, login, logins)) return no('login.ended')
  if (endedBy(links, view.snapshot.revision, view.tenant.revocations)) return no('login.revoked')
  const name = doc?.user ?? claims.sub ?? ''
  const found = {
    id: login.user,
    name,
    links,
    login: links[1] ?? link('login', login.user),
    expires: claims.exp as EpochSeconds,
  }
  return ok(doc ? found : { ...found, fresh: { idp, claims } })
}

type SignedIn = { readonly login: Login; readonly logins: readonly Link[]; readonly links: readonly Link[] }
const known = new WeakMap<Claims, SignedIn>()

/** Who signed in, and when: digests that are the same each time the same remembered token is shown in the same tenant. */
function signedIn(tenant: TenantName, claims: Claims, idp: IdentityProvider): SignedIn {
  const before = known.get(claims)
  if (before) return before
  const user = userId(tenant, idp.issuer, claims.sub ?? '')
  const at = typeof claims.auth_time === 'number' ? claims.auth_time : (claims.iat ?? 0)
  const login = { idp: idp.idp, user, at, ...(typeof claims.sid === 'string' ? { sid: claims.sid } : {}) }
  const logins = loginLinks(login)
  const found = { login, logins, links: [link('user', user), ...logins] }
  known.set(claims, found)
  return found
}

const NO = {
  'subject.malformed': ['unauthenticated', 'The subject token can not be read as one of a user.'],
  'subject.issuer_untrusted': [
    'unauthenticated',
    'The subject token is not from an identity provider of this tenant.',
  ],
  'subject.signature': ['unauthenticated', 'The subject token was not signed by its issuer.'],
  'subject.typ': ['unauthenticated', 'The subject token is of another kind than ID and access tokens.'],
  'subject.expired': ['stale', 'The subject token has expired; the user must sign in again.'],
  'subject.future': ['unauthenticated', 'The subject token is from the future; check the clocks.'],
  'subject.type': ['unauthenticated', 'This is not a token of the type that subject_token_type says.'],
  'subject.audience': [
    'unauthenticated',
    'The subject token is meant for somebody else than this issuer, or than the client of this agent.',
  ],
  'subject.nonce': ['unauthenticated', 'The ID token belongs to another sign-in.'],
  'subject.may_act': ['unauthenticated', 'The subject token names somebody else who may act.'],
  'user.unlisted': ['unauthenticated', 'The user is not listed in this tenant.'],
  'login.ended': ['stale', 'The user has logged out since the subject token was issued.'],
  'login.revoked': ['stale', 'The user or this sign-in was revoked.'],
} as const satisfies Record<string, readonly [RefusalKind, string]>

const FROM_JWT: Readonly<Record<string, keyof typeof NO>> = {
  'jwt.alg': 'subject.signature',
  'jwt.key_unknown': 'subject.signature',
  'jwt.signature': 'subject.signature',
  'jwt.typ': 'subject.typ',
  'jwt.expired': 'subject.expired',
  'jwt.not_yet': 'subject.future',
  'jwt.future': 'subject.future',
}

function no(reason: keyof typeof NO): Result<never, Refusal> {
  return err(refuse(NO[reason][0], reason, NO[reason][1]))
}
