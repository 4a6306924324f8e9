import type { ClientTrust } from '../../core/identity/client-trust.ts'
import type { OAuthClient } from '../../core/identity/oauth-client.ts'
import { createRemoteKeys, type KeySource, type RemoteKeys } from '../../lib/jose/remote-keys.ts'
import type { AuthorityView } from '../authority.ts'
import { clientProviders, type FoundClient } from './find-client.ts'

/** Seconds that keys of a client count while their place doesn't answer. */
const SURVIVE = 3600

/** The keys of a client: those that it brought, or what is at its place, fetched as every document from outside is. */
export function keysOfClient(view: AuthorityView, found: FoundClient): RemoteKeys | undefined {
  const { client, trust } = found
  const { keys } = client
  if (keys === undefined) return undefined
  const settings = clientProviders(view).find(({ name }) => name === trust)?.settings
  const source = { ...reachOf(settings, client), ...keys, issuer: client.id, survive: SURVIVE }
  const key = JSON.stringify([view.name, trust, source])
  const before = view.ports.memory.clientKeys.get(key)
  if (before) return before
  const made = createRemoteKeys(source, view.ports.signIn.fetch)
  view.ports.memory.clientKeys.set(key, made)
  return made
}

function reachOf(
  settings: ClientTrust | undefined,
  { id, source }: OAuthClient,
): Pick<KeySource, 'ca' | 'allow'> {
  const place = source === 'listed' ? settings?.listed[id] : settings?.documents
  return { allow: place?.allow_private ?? [], ...(place?.ca === undefined ? {} : { ca: place.ca }) }
}
