import type { UserId } from '../../core/ids.ts'
import { reveal } from '../../core/secret.ts'
import { type Account, readAccount } from '../../lib/oauth-client/account.ts'
import { listedClient } from '../../lib/oauth-client/listed-client.ts'
import { revokeToken } from '../../lib/oauth-client/tokens.ts'
import type { AuthorityView } from '../authority.ts'
import { accountResource, askingAs, secretIn } from './account-place.ts'
import { accountKey, type ConnectPorts } from './connect-ports.ts'
import { connectionEvent } from './return-signed-in.ts'

/** `revoked`: whether the authorization server took its tokens back; it may have no place for that, or not answer. */
export type Disconnected = { readonly gone: boolean; readonly revoked: boolean }

/** Whose account, and who wants it gone; names are as the audit has them. */
export type DisconnectAsk = {
  readonly user: { readonly id: UserId; readonly name: string }
  readonly resource: string
  readonly by: string
}

/**
 * Ends a connection: first it is taken away, so that nothing new is made of it; then the leases that were, everywhere; then its tokens, at the
 * server that gave them. Throws Unavailable.
 */
export async function disconnect(
  view: AuthorityView,
  connect: ConnectPorts,
  { user, resource, by }: DisconnectAsk,
  signal: AbortSignal,
): Promise<Disconnected> {
  const { gone, opened } = await connect.held.letGo(accountKey(view.name, user.id, resource))
  if (!gone) return { gone, revoked: false }
  await connect.endLeases(view.name, user.id, resource, by)
  const account = opened && readAccount(reveal(opened.secret))
  const revoked = account?.ok === true && (await giveBack(view, connect, resource, account.value, signal))
  const event = connectionEvent(view, { resource }, user, 'done', 'connection.ended', { revoked })
  await view.ports.store.commit({ events: [event] })
  return { gone, revoked }
}

/** The refresh token first: with it the server ends what came from it (RFC 7009 §2.1). */
async function giveBack(
  view: AuthorityView,
  connect: ConnectPorts,
  name: string,
  account: Account,
  signal: AbortSignal,
): Promise<boolean> {
  const settings = accountResource(view, connect, name)?.settings
  const listed = settings && (await listedClient(settings.clients, account.server.issuer, secretIn(connect)))
  const client = listed?.ok && listed.value ? listed.value : account.client
  const { ca, allow_private: allow } = settings ?? {}
  const reach = {
    fetch: view.ports.signIn.fetch,
    signal,
    ...(ca === undefined ? {} : { ca }),
    ...(allow === undefined ? {} : { allow }),
  }
  const asking = askingAs(view, reach, account, client)
  let revoked = true
  for (const token of [account.refresh, account.access]) {
    if (token === undefined) continue
    const done = await revokeToken(asking, token)
    revoked &&= done.ok && done.value
  }
  return revoked
}
