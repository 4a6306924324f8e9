import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { keyDigest } from '../../lib/random-key.ts'
import { type AuthorityView, requireFresh } from '../authority.ts'
import { OTHER_BROWSER } from '../sign-in/finish-sign-in.ts'
import type { ConnectPorts } from './connect-ports.ts'
import { disconnect } from './disconnect.ts'
import { type ConnectPage, type KeptListing, openList } from './return-signed-in.ts'

const OVER = refuse(
  'stale',
  'connection.over',
  'This was answered before, or waited too long. Open the link again.',
)

/** Somebody ends one of their own connections on their list; each answer opens the list anew. Throws Unavailable. */
export async function answerListing(
  view: AuthorityView,
  connect: ConnectPorts,
  { ticket, resource }: { readonly ticket: string; readonly resource: string },
  browser: string | undefined,
  signal: AbortSignal,
): Promise<
  Result<{ readonly page: Extract<ConnectPage, { show: 'list' }>; readonly revoked: boolean }, Refusal>
> {
  requireFresh(view.ports)
  const { kept } = view.ports.signIn
  const seen = await kept.look(view.name, 'connections', keyDigest(ticket))
  if (seen === undefined) return err(OVER)
  const listing = JSON.parse(seen) as KeptListing
  if (browser === undefined || keyDigest(browser) !== listing.browser) return err(OTHER_BROWSER)
  if ((await kept.take(view.name, 'connections', keyDigest(ticket))) === undefined) return err(OVER)
  const { user } = listing
  const { revoked } = await disconnect(view, connect, { user, resource, by: user.name }, signal)
  return ok({ page: await openList(view, connect, listing), revoked })
}
