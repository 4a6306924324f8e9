import { seconds } from '../../core/identity/name.ts'
import {
  clientLinkName,
  clientMetadataSchema,
  mayRedirectTo,
  type OAuthClient,
} from '../../core/identity/oauth-client.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import type { EpochSeconds } from '../../core/time.ts'
import { keyDigest, newKey } from '../../lib/random-key.ts'
import { type AuthorityView, requireFresh } from '../authority.ts'
import { tenantStands } from '../verify-access-token.ts'
import { type ClientProvider, clientProviders, type KeptClient } from './find-client.ts'
import { readClientKeys } from './read-client-keys.ts'

export type RegisteredClient = { readonly client: OAuthClient; readonly issuedAt: EpochSeconds }

/**
 * Registers a client at its own word (RFC 7591 §3.1): a public one, or one with a key of its own, with redirects that this tenant takes.
 * Who it is nothing proves, and what it says of itself is shown to people as that. Reasons: `registration.closed`, `registration.metadata`, `registration.redirect`,
 * `registration.auth_method`, `registration.keys`, `registration.full`. Throws Unavailable.
 */
export async function registerClient(
  view: AuthorityView,
  metadata: unknown,
): Promise<Result<RegisteredClient, Refusal>> {
  requireFresh(view.ports)
  const fallen = tenantStands(view.tenant)
  if (fallen) return err(fallen)
  const provider = openProvider(view)
  if (!provider) return no('registration.closed')
  const client = readMetadata(metadata, provider)
  if (!client.ok) return client
  const { life, most } = provider.settings.registration
  const kept: KeptClient = { trust: provider.name, client: client.value }
  const room = await view.ports.signIn.kept.keep(
    {
      tenant: view.name,
      kind: 'client',
      digest: keyDigest(client.value.id),
      doc: JSON.stringify(kept),
      expires: (view.now + seconds(life)) as EpochSeconds,
    },
    most,
  )
  if (!room) return no('registration.full')
  await record(view, client.value)
  return ok({ client: client.value, issuedAt: view.now })
}

type Open = ClientProvider & {
  readonly settings: { readonly registration: NonNullable<ClientProvider['settings']['registration']> }
}

/** The one provider that takes registrations; of two, nobody could say which one counts. */
function openProvider(view: AuthorityView): Open | undefined {
  const open = clientProviders(view).filter((each): each is Open => each.settings.registration !== undefined)
  return open.length === 1 ? open[0] : undefined
}

function readMetadata(metadata: unknown, { settings }: Open): Result<OAuthClient, Refusal> {
  const parsed = clientMetadataSchema.safeParse(metadata)
  if (!parsed.success) return no('registration.metadata')
  const { client_name: name, redirect_uris: uris } = parsed.data
  const keys = readClientKeys(parsed.data, settings.documents?.hosts ?? [])
  if (!keys.ok) return no(keys.error === 'auth_method' ? 'registration.auth_method' : 'registration.keys')
  // One redirect that isn't taken here must not break those that are: clients list all of their platforms (RFC 7591 §2 lets us choose).
  const redirectUris = uris.filter((uri) => mayRedirectTo(uri, settings.schemes))
  if (redirectUris.length === 0) return no('registration.redirect')
  const known = { source: 'registered', name: name ?? 'a client without a name', redirectUris } as const
  return ok({ id: newKey(), ...known, ...keys.value })
}

async function record(view: AuthorityView, client: OAuthClient): Promise<void> {
  await view.ports.store.commit({
    events: [
      {
        tenant: view.name,
        at: view.at,
        kind: 'admin',
        outcome: 'done',
        reason: 'client.registered',
        facts: { client: clientLinkName(client.id), proof: 'claimed' },
      },
    ],
  })
}

const SAYS = {
  'registration.closed': ['unknown', 'Clients do not register themselves here.'],
  'registration.metadata': ['malformed', 'The metadata can not be read: redirect_uris is required.'],
  'registration.auth_method': [
    'malformed',
    'No client here has a secret; register with token_endpoint_auth_method none or private_key_jwt.',
  ],
  'registration.keys': [
    'malformed',
    'private_key_jwt needs public keys: jwks, or a jwks_uri on a host that this tenant lists, one of them.',
  ],
  'registration.redirect': [
    'malformed',
    'None of the redirect_uris is taken here: https, http on this machine, or a scheme that the tenant lists.',
  ],
  'registration.full': ['limited', 'As many clients are registered here as there may be; ask again later.'],
} as const

function no(reason: keyof typeof SAYS): Result<never, Refusal> {
  return err(refuse(SAYS[reason][0], reason, SAYS[reason][1]))
}
