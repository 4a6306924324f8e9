import type { AccountAbout } from '../../core/credential/account.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { Secret } from '../../core/secret.ts'
import { withTokens } from '../../lib/oauth-client/account.ts'
import { redeemCode, type Tokens } from '../../lib/oauth-client/tokens.ts'
import { keyDigest } from '../../lib/random-key.ts'
import { type AuthorityView, requireFresh } from '../authority.ts'
import { OTHER_BROWSER } from '../sign-in/finish-sign-in.ts'
import {
  type AccountResource,
  accountResource,
  askingAs,
  ourClient,
  reachOf,
  refusalOf,
  returnUri,
} from './account-place.ts'
import { type KeptConnectAway, userEnded } from './answer-connect.ts'
import { accountKey, type ConnectPorts } from './connect-ports.ts'
import { connectionEvent, refused } from './return-signed-in.ts'

export type Connected = { readonly host: string; readonly agent: string; readonly user: string }

/**
 * A person is back from the authorization server. What came is taken once, only in the browser that was sent away, and only from the issuer
 * that it was sent to; the tokens are sealed and kept before anybody is told. Throws Unavailable.
 */
export async function finishConnect(
  view: AuthorityView,
  connect: ConnectPorts,
  query: ReadonlyMap<string, string>,
  browser: string | undefined,
  signal: AbortSignal,
): Promise<Result<Connected, Refusal>> {
  requireFresh(view.ports)
  const taken = await takeAway(view, query.get('state'), browser)
  if (!taken.ok) return taken
  const away = taken.value
  const ended = userEnded(view, away.user)
  if (ended) return refused(view, away.offer, away.user, ended)
  const resource = accountResource(view, connect, away.offer.resource)
  if (!resource) return refused(view, away.offer, away.user, OVER)
  const made = await redeem(view, connect, away, resource, query, signal)
  if (!made.ok) return refused(view, away.offer, away.user, made.error)
  const host = new URL(resource.at).host
  return ok({ host, agent: away.offer.agent, user: away.user.name })
}

const OVER = refuse(
  'stale',
  'connection.over',
  'This was answered before, or waited too long. Open the link again.',
)
const OTHER_CLIENT = refuse(
  'stale',
  'connection.changed',
  'What we are at the authorization server has changed meanwhile. Open the link again.',
)

async function takeAway(
  view: AuthorityView,
  state: string | undefined,
  browser: string | undefined,
): Promise<Result<KeptConnectAway, Refusal>> {
  const doc = await view.ports.signIn.kept.take(view.name, 'connect-away', keyDigest(state ?? ''))
  if (doc === undefined) return err(OVER)
  const away = JSON.parse(doc) as KeptConnectAway
  return browser !== undefined && keyDigest(browser) === away.browser ? ok(away) : err(OTHER_BROWSER)
}

async function redeem(
  view: AuthorityView,
  connect: ConnectPorts,
  away: KeptConnectAway,
  resource: AccountResource,
  query: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<Result<void, Refusal>> {
  const { place, keys } = away
  const reach = reachOf(view, resource.settings, signal)
  const client = await ourClient(view, connect, reach, resource, place)
  if (!client.ok) return client
  // The code was given to the client that asked; another one must not even try it.
  if (client.value.id !== away.client) return err(OTHER_CLIENT)
  const asking = askingAs(view, reach, place, client.value)
  const about = { keys, redirectUri: returnUri(view), resource: place.resource }
  const tokens = refusalOf(await redeemCode(asking, query, about))
  return tokens.ok ? keep(view, connect, away, resource, client.value, tokens.value) : tokens
}

async function keep(
  view: AuthorityView,
  connect: ConnectPorts,
  { offer, user, place, scopes: asked }: KeptConnectAway,
  { at }: AccountResource,
  client: Parameters<typeof withTokens>[0]['client'],
  tokens: Tokens,
): Promise<Result<void, Refusal>> {
  const { server, resource } = place
  const account = withTokens({ server, client, resource, scopes: asked }, tokens, view.now)
  const { scopes } = account
  const host = new URL(at).host
  const about: AccountAbout = { issuer: server.issuer, host, scopes, agent: offer.agent, connected: view.now }
  const facts = { issuer: server.issuer, scopes: scopes.join(' ') }
  // Recorded before it can be used.
  await view.ports.store.commit({
    events: [connectionEvent(view, offer, user, 'done', 'connection.made', facts)],
  })
  const key = accountKey(view.name, user.id, offer.resource)
  return connect.held.hold(key, new Secret(JSON.stringify(account)), JSON.stringify(about))
}
