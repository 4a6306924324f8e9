import { hash } from 'node:crypto'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, type Result } from '../../core/result.ts'
import type { EpochSeconds } from '../../core/time.ts'
import { keyDigest } from '../../lib/random-key.ts'
import type { AuthorityView } from '../authority.ts'
import { type Issued, issueAccessToken } from '../issue-access-token.ts'
import type { TokenAsk, Wire } from '../token-ask.ts'
import { agreedCaller, type Seen } from './agreed-caller.ts'
import type { Agreement } from './answer-consent.ts'
import { endSession } from './end-session.ts'
import { proveClient } from './prove-client.ts'
import { beginRenewal } from './renew-session.ts'

export type CodeAsk = Extract<TokenAsk, { readonly grant: 'authorization_code' }>

/**
 * A code → an access token and the token that renews its session (RFC 6749 §4.1.3, RFC 7636 §4.6). A code works once, over all authorities;
 * shown again it ends what it gave, since one of the two who showed it is a thief (§4.1.2).
 */
export async function redeemCode(view: AuthorityView, ask: CodeAsk, wire: Wire, seen: Seen): Promise<Issued> {
  const found = await proveClient(view, ask)
  if (!found.ok) return no(found.error)
  seen.agent = found.value.workload.id
  const agreement = await readAgreement(view, ask)
  if (!agreement.ok) return no(agreement.error)
  seen.user = agreement.value.signedIn.user.name
  const consented = agreedCaller(view, agreement.value, found.value, agreement.value.request.jkt, wire)
  if (!consented.ok) return no(consented.error)
  if (!(await spend(view, ask.code))) {
    await endSession(view, agreement.value, 'code.replayed')
    return no(refuse('stale', 'code.replayed', 'The code was used before, so what it gave has ended.'))
  }
  const { caller, subject, target } = consented.value
  const issued = await issueAccessToken(view, caller, subject, target, wire)
  if (!issued.ok) return issued
  const refreshToken = await beginRenewal(view, agreement.value, caller.jkt)
  return { ok: true, value: { ...issued.value, refreshToken } }
}

/** Left where it is until it ends by itself: whoever shows it again must be found out. */
async function readAgreement(view: AuthorityView, ask: CodeAsk): Promise<Result<Agreement, Refusal>> {
  const doc = await view.ports.signIn.kept.look(view.name, 'code', keyDigest(ask.code))
  const agreement = doc === undefined ? undefined : (JSON.parse(doc) as Agreement)
  if (agreement === undefined || agreement.request.clientId !== ask.clientId) return err(UNKNOWN)
  // RFC 7636 §4.6.
  if (hash('sha256', ask.verifier, 'base64url') !== agreement.request.challenge) return err(WRONG_VERIFIER)
  if (ask.redirectUri !== undefined && ask.redirectUri !== agreement.request.redirectUri)
    return err(WRONG_REDIRECT)
  if (ask.resource !== undefined && ask.resource !== agreement.request.resource) return err(WRONG_RESOURCE)
  return { ok: true, value: agreement }
}

const UNKNOWN = refuse('stale', 'code.unknown', 'The code is not of this client, or its minute is over.')
const WRONG_VERIFIER = refuse('unauthenticated', 'code.verifier', 'code_verifier does not fit the request.')
const WRONG_REDIRECT = refuse(
  'unauthenticated',
  'code.redirect',
  'redirect_uri is another than in the request.',
)
const WRONG_RESOURCE = refuse('unknown', 'request.target', 'resource is another than in the request.')

/** Spent before anything is made (ARCHITECTURE §2.4). */
async function spend(view: AuthorityView, code: string): Promise<boolean> {
  const expires = (view.now + 600) as EpochSeconds
  const spent = { tenant: view.name, key: `code:${keyDigest(code)}`, expires }
  return (await view.ports.store.commit({ events: [], spend: spent })).done
}

function no(refusal: Refusal): Issued {
  return { ok: false, error: { refusal } }
}
