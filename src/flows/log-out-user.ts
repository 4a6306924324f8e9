import type { IdentityProvider } from '../core/identity/identity-provider.ts'
import { userId } from '../core/identity/user.ts'
import type { Link } from '../core/lifecycle/revocation.ts'
import { factName } from '../core/policy/facts-resource.ts'
import { type Refusal, type RefusalKind, refuse } from '../core/refusal.ts'
import type { ChangeDraft } from '../core/registry.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { EpochSeconds } from '../core/time.ts'
import { parseJws } from '../lib/jose/jws.ts'
import { type Claims, verifyJwt } from '../lib/jose/jwt.ts'
import { isJsonObject } from '../lib/strict-json.ts'
import type { AuthorityView } from './authority.ts'
import { LOGOUT, sidLogin, unnamedLogins, userLogins } from './login.ts'
import { IDP_ALGORITHMS } from './verify-user-token.ts'

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'
/** Seconds that an identity provider may take to deliver; §2.4 recommends tokens of at most two minutes. */
const MAX_AGE = 600
const MAX_JTI = 256

/**
 * OpenID Connect Back-Channel Logout 1.0 §2.6: a provider says that a user's session is over. What was derived from that sign-in ends at
 * the revision this commits; its tokens that nobody exchanged yet are refused by the time it states.
 */
export async function logOutUser(
  view: AuthorityView,
  idpName: string,
  token: string,
): Promise<Result<void, Refusal>> {
  const idp = view.tenant.idps.get(idpName)
  if (!idp) return no('logout.provider_unknown')
  const claims = await readLogoutToken(view, idp, token)
  if (!claims.ok) return claims
  const { jti = '', exp, iat = view.now } = claims.value
  const links = endedLinks(view, idp, claims.value)
  const written = await view.ports.store.commit({
    spend: {
      tenant: view.name,
      key: `logout ${JSON.stringify([idp.idp, jti])}`,
      expires: (exp + MAX_AGE) as EpochSeconds,
    },
    events: [
      {
        tenant: view.name,
        at: view.at,
        kind: 'revocation',
        outcome: 'done',
        reason: 'login.logged_out',
        facts: { idp: idp.idp, links: links.map((each) => each.link).join(' ') },
      },
    ],
    changes: links.flatMap((each) => changesFor(view, each, iat)),
  })
  if (!written.done) return no('logout.replayed')
  await view.ports.refresh()
  return ok(undefined)
}

type Ended = { readonly link: Link; readonly standing: boolean }

/** §2.4: `sid` ends that session, which never comes back; `sub` alone ends every sign-in of the user until now. */
function endedLinks(view: AuthorityView, idp: IdentityProvider, claims: Claims): readonly Ended[] {
  const user = claims.sub === undefined ? undefined : userId(view.name, idp.issuer, claims.sub)
  const { sid } = claims
  if (typeof sid !== 'string') return user ? [{ link: userLogins(idp.idp, user), standing: false }] : []
  const session = { link: sidLogin(idp.idp, sid), standing: true }
  // A token that stated no sid may be of this very session: nothing tells it apart, so it ends too.
  return user ? [session, { link: unnamedLogins(idp.idp, user), standing: false }] : [session]
}

function changesFor(view: AuthorityView, { link, standing }: Ended, iat: number): readonly ChangeDraft[] {
  const reason = 'the user signed out'
  const revocation = {
    tenant: view.name,
    kind: 'revocation',
    name: link,
    doc: { revocation: link, standing, reason },
  } as const
  if (standing) return [revocation]
  const fact = factName(link, LOGOUT)
  return [
    revocation,
    {
      tenant: view.name,
      kind: 'fact',
      name: fact,
      doc: { fact, subject: link, source: LOGOUT, says: 'ended', at: iat * 1000 },
    },
  ]
}

async function readLogoutToken(
  view: AuthorityView,
  idp: IdentityProvider,
  token: string,
): Promise<Result<Claims, Refusal>> {
  const jws = parseJws(token)
  if (!jws.ok) return no('logout.malformed')
  const keys = await view.ports.idpKeys(view.name, idp).find(jws.value.kid, view.now)
  if (!keys.ok) return err(refuse(keys.error.refused, keys.error.reason, keys.error.says))
  const verified = verifyJwt(jws.value, {
    keys: keys.value,
    algorithms: IDP_ALGORITHMS,
    typ: ['logout+jwt', 'JWT'],
    typOptional: true,
    issuer: idp.issuer,
    audience: [view.issuer, ...Object.values(idp.clients)],
    now: view.now,
    maxAge: MAX_AGE,
  })
  if (!verified.ok) return no(FROM_JWT[verified.error.reason] ?? 'logout.malformed')
  return hasLogoutClaims(verified.value.claims) ? ok(verified.value.claims) : no('logout.claims')
}

/** §2.4 and §2.6 steps 4 to 6; a nonce must not be there, so that no ID token passes for one. */
function hasLogoutClaims(claims: Claims): boolean {
  const { events, sub, sid, jti, nonce, iat } = claims
  const named = jti !== undefined && jti.length > 0 && jti.length <= MAX_JTI
  const whom = (typeof sub === 'string' && sub !== '') || (typeof sid === 'string' && sid !== '')
  const sidFits = sid === undefined || typeof sid === 'string'
  return (
    named &&
    whom &&
    sidFits &&
    iat !== undefined &&
    nonce === undefined &&
    isJsonObject(events) &&
    isJsonObject(events[EVENT])
  )
}

const NO = {
  'logout.provider_unknown': ['unknown', 'There is no such identity provider.'],
  'logout.malformed': ['malformed', 'The logout token can not be read.'],
  'logout.signature': ['unauthenticated', 'The logout token was not signed by the identity provider.'],
  'logout.audience': ['unauthenticated', 'The logout token is from another issuer or for another audience.'],
  'logout.time': ['stale', 'The logout token is too old, or from the future.'],
  'logout.claims': ['malformed', 'The logout token lacks what it must hold, or holds what it must not.'],
  'logout.replayed': ['malformed', 'The logout token was used before.'],
} as const satisfies Record<string, readonly [RefusalKind, string]>

const FROM_JWT: Readonly<Record<string, keyof typeof NO>> = {
  'jwt.alg': 'logout.signature',
  'jwt.key_unknown': 'logout.signature',
  'jwt.signature': 'logout.signature',
  'jwt.issuer': 'logout.audience',
  'jwt.audience': 'logout.audience',
  'jwt.expired': 'logout.time',
  'jwt.too_old': 'logout.time',
  'jwt.not_yet': 'logout.time',
  'jwt.future': 'logout.time',
}

function no(reason: keyof typeof NO): Result<never, Refusal> {
  return err(refuse(NO[reason][0], reason, NO[reason][1]))
}
