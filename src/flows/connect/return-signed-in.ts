import type { AuditDraft } from '../../core/audit/audit-event.ts'
import type { Revision, UserId } from '../../core/ids.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { scopesToAsk } from '../../lib/oauth-client/authorize.ts'
import type { Protected } from '../../lib/oauth-client/discover.ts'
import { keyDigest, newKey } from '../../lib/random-key.ts'
import { type AuthorityView, requireFresh } from '../authority.ts'
import { relyingParty, STEP_LIFE } from '../sign-in/begin-sign-in.ts'
import { OTHER_BROWSER } from '../sign-in/finish-sign-in.ts'
import { keepStep } from '../sign-in/keep-step.ts'
import { type VerifiedUser, verifySignIn } from '../verify-user-token.ts'
import { accountResource, findPlace, ourClient, reachOf } from './account-place.ts'
import type { KeptConnectSignIn } from './begin-connect.ts'
import type { ConnectPorts, KeptOffer } from './connect-ports.ts'
import { type ConnectedAccount, listAccounts } from './list-accounts.ts'

/** A person who signed in here, for the minutes of a page. */
export type PageUser = {
  readonly id: UserId
  /** As people know them. */
  readonly name: string
  /** What was revoked after this ends the page too. */
  readonly rev: Revision
}

/** What waits for the person's yes: everything that was found, so that they agree to what happens then. */
export type KeptConnectConsent = {
  readonly offer: KeptOffer
  readonly user: PageUser
  readonly place: Protected
  readonly client: string
  readonly scopes: readonly string[]
  readonly browser: string
}

/** An open list, and whose browser may answer it. */
export type KeptListing = { readonly user: PageUser; readonly browser: string }

/** What a person is shown. `ticket` comes back with the answer. */
export type ConnectPage =
  | {
      readonly show: 'consent'
      readonly ticket: string
      readonly question: KeptConnectConsent
      /** The server's host, as the resource's own settings name it. */
      readonly host: string
    }
  | {
      readonly show: 'list'
      readonly ticket: string
      readonly user: PageUser
      readonly accounts: readonly ConnectedAccount[]
    }

/**
 * A person is back from the company's provider. To connect an account they must be the very one for whom the link was made: else somebody
 * could have another connect an account for them, or connect theirs to another's calls. Throws Unavailable.
 */
export async function returnSignedIn(
  view: AuthorityView,
  connect: ConnectPorts,
  query: ReadonlyMap<string, string>,
  browser: string | undefined,
  signal: AbortSignal,
): Promise<Result<ConnectPage, Refusal>> {
  requireFresh(view.ports)
  const kept = await takeSignIn(view, query.get('state'), browser)
  if (!kept.ok) return kept
  const { purpose } = kept.value
  const signed = await verified(view, kept.value, query, signal)
  if (!signed.ok) return signed
  const name = view.tenant.users.get(signed.value.id)?.user ?? signed.value.name
  const user: PageUser = { id: signed.value.id, name, rev: view.snapshot.revision }
  if (purpose.want === 'list') return ok(await openList(view, connect, { user, browser: kept.value.browser }))
  if (user.id !== purpose.offer.user) return refused(view, purpose.offer, user, OTHER_USER)
  return askPerson(view, connect, purpose.offer, user, kept.value.browser, signal)
}

const OVER = refuse(
  'stale',
  'sign_in.over',
  'This sign-in was finished before, or took too long. Start again.',
)
const OTHER_USER = refuse(
  'denied',
  'connection.other_user',
  'This link is not for you: it was made for a call in another person’s name. Nothing was connected.',
)

async function takeSignIn(
  view: AuthorityView,
  state: string | undefined,
  browser: string | undefined,
): Promise<Result<KeptConnectSignIn, Refusal>> {
  const digest = keyDigest(state ?? '')
  const doc = await view.ports.signIn.kept.take(view.name, 'connect-sign-in', digest)
  if (doc === undefined) return err(OVER)
  const kept = JSON.parse(doc) as KeptConnectSignIn
  return browser !== undefined && keyDigest(browser) === kept.browser ? ok(kept) : err(OTHER_BROWSER)
}

async function verified(
  view: AuthorityView,
  { idp: name, keys }: KeptConnectSignIn,
  query: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<Result<VerifiedUser, Refusal>> {
  const idp = view.tenant.idps.get(name)
  if (!idp?.sign_in) return err(OVER)
  const token = await view.ports.signIn.openId.finish(relyingParty(view, idp), keys, query, signal)
  if (!token.ok)
    return err(refuse(token.error.refused, token.error.reason, token.error.says, token.error.facts))
  return verifySignIn(view, token.value, { client: idp.sign_in.client, nonce: keys.nonce })
}

async function askPerson(
  view: AuthorityView,
  connect: ConnectPorts,
  offer: KeptOffer,
  user: PageUser,
  browser: string,
  signal: AbortSignal,
): Promise<Result<ConnectPage, Refusal>> {
  const resource = accountResource(view, connect, offer.resource)
  if (!resource) return refused(view, offer, user, GONE)
  const reach = reachOf(view, resource.settings, signal)
  const found = await findPlace(reach, resource)
  if (!found.ok) return refused(view, offer, user, found.error)
  const { place, asked } = found.value
  const client = await ourClient(view, connect, reach, resource, place)
  if (!client.ok) return refused(view, offer, user, client.error)
  const scopes = scopesToAsk(place, asked, offer.scopes)
  const question: KeptConnectConsent = { offer, user, place, client: client.value.id, scopes, browser }
  const ticket = await keepFor(view, 'connect-consent', question)
  return ok({ show: 'consent', ticket, question, host: new URL(resource.at).host })
}

const GONE = refuse(
  'stale',
  'connection.gone',
  'Accounts are no longer connected at this server. Nothing is left to do.',
)

/** A person's list, with a ticket by which this browser ends what is on it. */
export async function openList(
  view: AuthorityView,
  connect: ConnectPorts,
  listing: KeptListing,
): Promise<Extract<ConnectPage, { show: 'list' }>> {
  const accounts = await listAccounts(view, connect, listing.user.id)
  const ticket = await keepFor(view, 'connections', listing)
  return { show: 'list', ticket, user: listing.user, accounts }
}

/** Under a new key, which is answered. */
export async function keepFor(
  view: AuthorityView,
  kind: 'connect-consent' | 'connections',
  what: object,
): Promise<string> {
  const ticket = newKey()
  await keepStep(view, { kind, key: ticket, doc: what, life: STEP_LIFE })
  return ticket
}

/** Written down before it is told. */
export async function refused(
  view: AuthorityView,
  offer: KeptOffer,
  user: Pick<PageUser, 'name'>,
  refusal: Refusal,
): Promise<Result<never, Refusal>> {
  await view.ports.store.commit({ events: [connectionEvent(view, offer, user, 'deny', refusal.reason)] })
  return err(refusal)
}

/** The record of something about a person's account at a resource. */
export function connectionEvent(
  view: AuthorityView,
  { resource, agent }: { readonly resource: string; readonly agent?: KeptOffer['agent'] },
  user: Pick<PageUser, 'name'>,
  outcome: AuditDraft['outcome'],
  reason: string,
  facts: NonNullable<AuditDraft['facts']> = {},
): AuditDraft {
  return {
    tenant: view.name,
    at: view.at,
    kind: 'session',
    outcome,
    reason,
    resource,
    ...(agent === undefined ? {} : { agent }),
    revision: view.snapshot.revision,
    facts,
    personal: { user: user.name },
  }
}
