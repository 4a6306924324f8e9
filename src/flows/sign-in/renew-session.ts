import { createHmac } from 'node:crypto'
import type { SessionId } from '../../core/ids.ts'
import type { Renewal, Renewed } from '../../core/kept.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import type { EpochSeconds } from '../../core/time.ts'
import { keyDigest, newKey } from '../../lib/random-key.ts'
import type { AuthorityView } from '../authority.ts'
import { type Issued, issueAccessToken } from '../issue-access-token.ts'
import type { TokenAsk, Wire } from '../token-ask.ts'
import { agreedCaller, type Seen } from './agreed-caller.ts'
import type { Agreement } from './answer-consent.ts'
import { endSession } from './end-session.ts'
import { proveClient } from './prove-client.ts'

export type RefreshAsk = Extract<TokenAsk, { readonly grant: 'refresh_token' }>

/** What a renewal keeps: the consent, and the key that the client showed when it redeemed the code. */
type KeptAgreement = { readonly agreement: Agreement; readonly jkt?: string }

/**
 * Seconds in which a token that was just replaced gives the same next one again: clients with several processes race for it
 * (RFC 9700 §4.14.2 leaves this open). It never helps against a revocation.
 */
const GRACE = 30

/** A token that renews a session: `<session>.<key>`, of which only the key's digest is stored. */
function refreshToken(session: SessionId, key: string): string {
  return `${session}.${key}`
}

/** The parts of what may be a refresh token. */
function readRefreshToken(text: string): { readonly session: SessionId; readonly key: string } | undefined {
  const [, session = '', key = ''] = /^(ses_[a-z2-7]{16})\.([A-Za-z0-9_-]{43})$/.exec(text) ?? []
  return session === '' ? undefined : { session: session as SessionId, key }
}

/** Each token derives the next: two that race with one get the same, and nothing has to be stored to say it again. */
function nextKey(seed: string, key: string): string {
  return createHmac('sha256', seed).update(key).digest('base64url')
}

/** How far back a token is still known as one of its session: each step costs a microsecond. */
const MAX_STEPS = 1000

/** Whether the newest token derives from this one. A session's id alone, which tokens and the audit show, must not end it. */
function isOfFamily({ seed, current }: Pick<Renewal, 'seed' | 'current'>, key: string): boolean {
  let derived = key
  for (let step = 0; step < MAX_STEPS; step += 1) {
    if (keyDigest(derived) === current) return true
    derived = nextKey(seed, derived)
  }
  return false
}

/** A session that can be renewed, found by one of its tokens, old or new, which must be of this client. */
export type Renewable = KeptAgreement & {
  readonly session: SessionId
  readonly key: string
  readonly seed: string
  readonly expires: EpochSeconds
  /** Whether it is the newest token, the only one that counts but for a race. */
  readonly newest: boolean
}

export async function findRenewable(
  view: AuthorityView,
  text: string,
  clientId: string,
): Promise<Renewable | undefined> {
  const token = readRefreshToken(text)
  const held = token && (await view.ports.signIn.kept.renewal(view.name, token.session))
  if (!held || !isOfFamily(held, token.key)) return undefined
  const kept = JSON.parse(held.doc) as KeptAgreement
  if (kept.agreement.request.clientId !== clientId) return undefined
  const newest = keyDigest(token.key) === held.current
  return { ...kept, ...token, seed: held.seed, expires: held.expires, newest }
}

/** The first token of a session that its person agreed to. */
export async function beginRenewal(
  view: AuthorityView,
  agreement: Agreement,
  jkt: string | undefined,
): Promise<string> {
  const key = newKey()
  const kept: KeptAgreement = jkt === undefined ? { agreement } : { agreement, jkt }
  await view.ports.signIn.kept.beginRenewal({
    tenant: view.name,
    session: agreement.session.id,
    doc: JSON.stringify(kept),
    seed: newKey(),
    current: keyDigest(key),
    expires: agreement.session.expires,
  })
  return refreshToken(agreement.session.id, key)
}

/**
 * A refresh token → a new access token and the next refresh token (RFC 6749 §6). Everything is decided again, so a policy, a delegation
 * or a condition that changed counts at once; and it never goes past the session that the person agreed to. One that was replaced ends
 * the session: somebody holds a copy (RFC 9700 §4.14.2).
 */
export async function renewSession(
  view: AuthorityView,
  ask: RefreshAsk,
  wire: Wire,
  seen: Seen,
): Promise<Issued> {
  const found = await proveClient(view, ask)
  if (!found.ok) return no(found.error)
  seen.agent = found.value.workload.id
  const held = await findRenewable(view, ask.refreshToken, ask.clientId)
  if (!held) return no(UNKNOWN)
  const { agreement, session } = held
  seen.user = agreement.signedIn.user.name
  const consented = agreedCaller(view, agreement, found.value, held.jkt, wire)
  if (!consented.ok) return no(consented.error)
  if (ask.resource !== undefined && ask.resource !== agreement.request.resource) return no(WRONG_RESOURCE)
  const next = nextKey(held.seed, held.key)
  const presented = keyDigest(held.key)
  const step = { tenant: view.name, session, presented, next: keyDigest(next), grace: GRACE }
  const may = await view.ports.signIn.kept.mayRenew(step)
  if (may !== 'renewed') return over(view, agreement, may)
  const { caller, subject, target } = consented.value
  const narrowed = ask.scope === undefined ? target : { ...target, scope: ask.scope }
  const issued = await issueAccessToken(view, caller, subject, narrowed, wire)
  // Refused, the client keeps the token that it has: what is forbidden at night may be allowed in the morning.
  if (!issued.ok) return issued
  // Handed out only by whoever replaced the token: of two that came with copies at once, one ends the session.
  const came = await view.ports.signIn.kept.renew(step)
  if (came !== 'renewed') return over(view, agreement, came)
  return { ok: true, value: { ...issued.value, refreshToken: refreshToken(session, next) } }
}

/** Only a copy is an alarm; a session that ended while it was renewed is just over. */
async function over(
  view: AuthorityView,
  agreement: Agreement,
  why: Exclude<Renewed, 'renewed'>,
): Promise<Issued> {
  if (why === 'unknown') return no(UNKNOWN)
  await endSession(view, agreement, 'refresh.reused')
  const says = 'The refresh token was replaced before, so its session has ended.'
  return no(refuse('stale', 'refresh.reused', says))
}

const UNKNOWN = refuse(
  'stale',
  'refresh.unknown',
  'The refresh token is not of this client, or its session is over.',
)
const WRONG_RESOURCE = refuse('unknown', 'request.target', 'resource is another than the session is for.')

function no(refusal: Refusal): Issued {
  return { ok: false, error: { refusal } }
}
