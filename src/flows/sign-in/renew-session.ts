import { createHmac } from 'node:crypto'
import type { SessionId } from '../../core/ids.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { keyDigest, newKey } from '../../lib/random-key.ts'
import type { AuthorityView } from '../authority.ts'
import { type Issued, issueAccessToken } from '../issue-access-token.ts'
import type { TokenAsk, Wire } from '../token-ask.ts'
import { agreedCaller, type Seen } from './agreed-caller.ts'
import type { Agreement } from './answer-consent.ts'
import { endSession } from './end-session.ts'
import { findClient } from './find-client.ts'

export type RefreshAsk = Extract<TokenAsk, { readonly grant: 'refresh_token' }>

/** What a renewal keeps: the consent, and the key that the client showed when it redeemed the code. */
type KeptRenewal = { readonly agreement: Agreement; readonly jkt?: string }

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
export function readRefreshToken(
  text: string,
): { readonly session: SessionId; readonly key: string } | undefined {
  const [, session = '', key = ''] = /^(ses_[a-z2-7]{16})\.([A-Za-z0-9_-]{43})$/.exec(text) ?? []
  return session === '' ? undefined : { session: session as SessionId, key }
}

/** Each token derives the next: two that race with one get the same, and nothing has to be stored to say it again. */
function nextKey(seed: string, key: string): string {
  return createHmac('sha256', seed).update(key).digest('base64url')
}

/** The first token of a session that its person agreed to. */
export async function beginRenewal(
  view: AuthorityView,
  agreement: Agreement,
  jkt: string | undefined,
): Promise<string> {
  const key = newKey()
  const kept: KeptRenewal = jkt === undefined ? { agreement } : { agreement, jkt }
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
  const found = await findClient(view, ask.clientId)
  if (!found.ok) return no(found.error)
  seen.agent = found.value.workload.id
  const token = readRefreshToken(ask.refreshToken)
  const held = token && (await view.ports.signIn.kept.renewal(view.name, token.session))
  const kept = held && (JSON.parse(held.doc) as KeptRenewal)
  if (!token || !kept || kept.agreement.request.clientId !== ask.clientId) return no(UNKNOWN)
  seen.user = kept.agreement.signedIn.user.name
  const consented = agreedCaller(view, kept.agreement, found.value, kept.jkt, wire)
  if (!consented.ok) return no(consented.error)
  if (ask.resource !== undefined && ask.resource !== kept.agreement.request.resource)
    return no(WRONG_RESOURCE)
  const next = nextKey(held.seed, token.key)
  const presented = keyDigest(token.key)
  const step = { tenant: view.name, session: token.session, presented, next: keyDigest(next), grace: GRACE }
  if ((await view.ports.signIn.kept.mayRenew(step)) !== 'renewed') return copied(view, kept.agreement)
  const { caller, subject, target } = consented.value
  const narrowed = ask.scope === undefined ? target : { ...target, scope: ask.scope }
  const issued = await issueAccessToken(view, caller, subject, narrowed, wire)
  // Refused, the client keeps the token that it has: what is forbidden at night may be allowed in the morning.
  if (!issued.ok) return issued
  // Handed out only by whoever replaced the token: of two that came with copies at once, one ends the session.
  if ((await view.ports.signIn.kept.renew(step)) !== 'renewed') return copied(view, kept.agreement)
  return { ok: true, value: { ...issued.value, refreshToken: refreshToken(token.session, next) } }
}

async function copied(view: AuthorityView, agreement: Agreement): Promise<Issued> {
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
