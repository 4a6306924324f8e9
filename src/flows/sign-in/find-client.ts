import type { Proof } from '../../core/identity/agent.ts'
import { matchAgent } from '../../core/identity/attestation.ts'
import { type ClientTrust, clientTrustSchema, OAUTH_CLIENT } from '../../core/identity/client-trust.ts'
import {
  clientLinkName,
  clientProof,
  clientSelectors,
  isDocumentId,
  MAX_CLIENT_ID,
  type OAuthClient,
} from '../../core/identity/oauth-client.ts'
import type { TrustProvider } from '../../core/identity/trust-provider.ts'
import { type Link, link } from '../../core/lifecycle/revocation.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { keyDigest } from '../../lib/random-key.ts'
import type { AuthorityView } from '../authority.ts'
import { type AgentCaller, callerStands, candidates } from '../caller.ts'
import { readClientDocument } from './read-client-document.ts'

/** A client that this tenant knows, and the one agent that it is here. */
export type FoundClient = {
  readonly client: OAuthClient
  readonly trust: string
  /** What it has proven once it showed its key, if it has one: see `proveClient`. */
  readonly proof: Proof
  readonly workload: AgentCaller['workload']
  readonly links: readonly Link[]
}

/** A tenant's settings for OAuth clients. */
export type ClientProvider = { readonly name: string; readonly settings: ClientTrust }

const read = new WeakMap<TrustProvider, ClientTrust>()

/** The trust providers of a tenant that are about OAuth clients, with their settings. */
export function clientProviders(view: AuthorityView): readonly ClientProvider[] {
  const found: ClientProvider[] = []
  for (const provider of view.tenant.trusts.values()) {
    const settings = provider.attestor === OAUTH_CLIENT ? settingsOf(provider) : undefined
    if (settings) found.push({ name: provider.trust, settings })
  }
  return found
}

function settingsOf(provider: TrustProvider): ClientTrust | undefined {
  const before = read.get(provider)
  if (before) return before
  const { trust: _trust, attestor: _attestor, ...own } = provider
  const parsed = clientTrustSchema.safeParse(own)
  if (!parsed.success) return undefined
  read.set(provider, parsed.data)
  return parsed.data
}

/**
 * The client with this id and the one agent that it is. Nothing is proven by it yet. Reasons:
 * `client.unknown`, `client.document` (its metadata document can't be used), `client.two_providers`, `client.no_agent`, and those of
 * an agent that may not act.
 */
export async function findClient(view: AuthorityView, id: string): Promise<Result<FoundClient, Refusal>> {
  if (id.length > MAX_CLIENT_ID) return no('client.unknown')
  const found: { readonly provider: ClientProvider; readonly client: OAuthClient }[] = []
  for (const provider of clientProviders(view)) {
    const client = await clientOf(view, provider, id)
    if (!client.ok) return client
    if (client.value) found.push({ provider, client: client.value })
  }
  const [only] = found
  if (only === undefined) return no('client.unknown')
  // Which of two settings counts must not depend on their order.
  return found.length > 1 ? no('client.two_providers') : agentOf(view, only.provider.name, only.client)
}

async function clientOf(
  view: AuthorityView,
  { name, settings }: ClientProvider,
  id: string,
): Promise<Result<OAuthClient | undefined, Refusal>> {
  const listed = Object.hasOwn(settings.listed, id) ? settings.listed[id] : undefined
  if (listed) return ok(listedClient(id, listed))
  if (isDocumentId(id)) return readClientDocument(view, name, settings, id)
  return ok(settings.registration ? await registered(view, name, id) : undefined)
}

function listedClient(id: string, listed: ClientTrust['listed'][string]): OAuthClient {
  const { name, redirect_uris: redirectUris, jwks, jwks_uri: jwksUri } = listed
  const keys = jwks === undefined ? jwksUri && { jwksUri } : { jwks }
  return { id, source: 'listed', name, redirectUris, ...(keys ? { keys } : {}) }
}

/** What a registration keeps of a client. */
export type KeptClient = { readonly trust: string; readonly client: OAuthClient }

async function registered(view: AuthorityView, trust: string, id: string): Promise<OAuthClient | undefined> {
  const doc = await view.ports.signIn.kept.look(view.name, 'client', keyDigest(id))
  const kept = doc === undefined ? undefined : (JSON.parse(doc) as KeptClient)
  return kept?.trust === trust ? kept.client : undefined
}

function agentOf(view: AuthorityView, trust: string, client: OAuthClient): Result<FoundClient, Refusal> {
  const matched = matchAgent(
    { selectors: clientSelectors(trust, client) },
    candidates(view.tenant, view.name),
  )
  if (!matched.ok || matched.value.kind !== 'agent') return no('client.no_agent')
  const workload = matched.value
  const links = [
    link('agent', workload.id),
    link('trust', trust),
    link('client', clientLinkName(client.id)),
  ] as const
  const proof = clientProof(client)
  const caller = {
    workload,
    proof,
    links,
    rev: view.snapshot.revision,
    expires: view.now,
  } as const
  const fallen = callerStands(view, caller)
  return fallen ? err(fallen) : ok({ client, trust, proof, workload, links })
}

const SAYS = {
  'client.unknown':
    'No such client is known here. It must be listed, publish its metadata, or register first.',
  'client.two_providers':
    'Two trust providers of this tenant both know this client; its operator must repair that.',
  'client.no_agent':
    'This tenant has not said which of its agents this client is, or has said so of several.',
} as const

function no(reason: keyof typeof SAYS): Result<never, Refusal> {
  return err(refuse('unauthenticated', reason, SAYS[reason]))
}
