import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, type Result } from '../../core/result.ts'
import { isKey, keyDigest, newKey } from '../../lib/random-key.ts'
import { type AuthorityView, requireFresh } from '../authority.ts'
import { type SentAway, type SignInStep, sendToProvider } from '../sign-in/begin-sign-in.ts'
import { tenantStands } from '../verify-access-token.ts'
import type { KeptOffer } from './connect-ports.ts'

/** What a person signed in for: to connect an account, or to see which are. */
export type ConnectPurpose =
  | { readonly want: 'connect'; readonly offer: KeptOffer }
  | { readonly want: 'list' }

/** What waits for the person to come back from the company's provider. */
export type KeptConnectSignIn = SentAway & { readonly purpose: ConnectPurpose }

/** By it the one place where people come back from the provider knows whose sign-in it is. */
const PREFIX = 'connect.'

export function isConnectState(state: string | undefined): state is string {
  return state?.startsWith(PREFIX) === true
}

/**
 * Somebody opened a link to connect an account. Nothing is shown and nothing believed before they have signed in at the tenant's own
 * provider. Throws Unavailable.
 */
export async function beginConnect(
  view: AuthorityView,
  ticket: string,
  browser: string | undefined,
): Promise<Result<SignInStep, Refusal>> {
  requireFresh(view.ports)
  const doc = isKey(ticket)
    ? await view.ports.signIn.kept.look(view.name, 'connect', keyDigest(ticket))
    : undefined
  if (doc === undefined) return err(OVER)
  return signInFor(view, { want: 'connect', offer: JSON.parse(doc) as KeptOffer }, browser)
}

/** Somebody wants to see which accounts are connected. */
export function beginListing(
  view: AuthorityView,
  browser: string | undefined,
): Promise<Result<SignInStep, Refusal>> {
  requireFresh(view.ports)
  return signInFor(view, { want: 'list' }, browser)
}

const OVER = refuse(
  'stale',
  'connection.link_over',
  'This link is over. Let the agent call again: you get a new one.',
)
async function signInFor(
  view: AuthorityView,
  purpose: ConnectPurpose,
  browser: string | undefined,
): Promise<Result<SignInStep, Refusal>> {
  const fallen = tenantStands(view.tenant)
  if (fallen) return err(fallen)
  const state = `${PREFIX}${newKey()}`
  return sendToProvider(view, browser, { kind: 'connect-sign-in', state, doc: { purpose } })
}
