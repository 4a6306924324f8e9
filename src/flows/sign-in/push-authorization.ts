import type { Refusal } from '../../core/refusal.ts'
import { refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { isKey, keyDigest, newKey } from '../../lib/random-key.ts'
import { type AuthorityView, requireFresh } from '../authority.ts'
import { tenantStands } from '../verify-access-token.ts'
import { type AuthorizationAsk, checkAuthorization } from './authorization.ts'
import { askOf } from './finish-sign-in.ts'
import { keepStep } from './keep-step.ts'
import { proveFound } from './prove-client.ts'

/** Seconds in which a pushed request may be used, once (RFC 9126 §2.2). */
export const PUSHED_LIFE = 90
const PREFIX = 'urn:ietf:params:oauth:request_uri:'

/**
 * Takes an authorization request over a channel that no browser sees, checked as a whole (RFC 9126 §2.1), from a client that proves itself as
 * it would for a token. Throws Unavailable.
 */
export async function pushAuthorization(
  view: AuthorityView,
  ask: AuthorizationAsk,
  assertion: string | undefined,
): Promise<Result<{ readonly requestUri: string; readonly expiresIn: number }, Refusal>> {
  requireFresh(view.ports)
  const fallen = tenantStands(view.tenant)
  if (fallen) return err(fallen)
  const checked = await checkAuthorization(view, ask)
  if (!checked.ok) return err(checked.error.refusal)
  const proven = await proveFound(view, checked.value.found, assertion)
  if (!proven.ok) return proven
  const key = newKey()
  await keepStep(view, { kind: 'pushed', key, doc: askOf(checked.value.request), life: PUSHED_LIFE })
  return ok({ requestUri: `${PREFIX}${key}`, expiresIn: PUSHED_LIFE })
}

/** The request that was pushed under this URI by this client; it counts once. */
export async function takePushed(
  view: AuthorityView,
  requestUri: string,
  clientId: string | undefined,
): Promise<Result<AuthorizationAsk, Refusal>> {
  const key = requestUri.startsWith(PREFIX) ? requestUri.slice(PREFIX.length) : ''
  const doc = isKey(key) ? await view.ports.signIn.kept.take(view.name, 'pushed', keyDigest(key)) : undefined
  if (doc === undefined) return err(UNKNOWN)
  const ask = JSON.parse(doc) as AuthorizationAsk
  return ask.clientId === clientId ? ok(ask) : err(UNKNOWN)
}

const UNKNOWN = refuse(
  'stale',
  'request.pushed',
  'There is no such pushed request of this client, or it was used, or its time is over. Start again.',
)
