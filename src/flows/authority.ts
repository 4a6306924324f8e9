import type { Attestation } from '../core/identity/attestation.ts'
import type { IdentityProvider } from '../core/identity/identity-provider.ts'
import type { NewId, TenantName } from '../core/ids.ts'
import type { KeptStore } from '../core/kept.ts'
import type { AccessRequest } from '../core/policy/access-request.ts'
import type { Decision } from '../core/policy/decision.ts'
import { isSink } from '../core/policy/label.ts'
import type { Store } from '../core/ports.ts'
import { type Refusal, Unavailable } from '../core/refusal.ts'
import type { Result } from '../core/result.ts'
import type { KnownResource, Snapshot, TenantSnapshot } from '../core/snapshot.ts'
import { type Clock, type EpochMillis, type EpochSeconds, toSeconds } from '../core/time.ts'
import type { GuardedFetch } from '../lib/guarded-fetch.ts'
import type { ReplayCache } from '../lib/jose/dpop-replay.ts'
import type { RemoteKeys } from '../lib/jose/remote-keys.ts'
import type { SigningKey } from '../lib/jose/signing-key.ts'
import type { OpenIdClient } from '../lib/openid-client.ts'
import type { AuthorityMemory } from './authority-memory.ts'

/** At once, unless a policy in quarantine must be asked about first (decision 0012). */
export type Decide = (
  request: AccessRequest,
  snapshot: Snapshot,
  now: EpochMillis,
) => Decision | Promise<Decision>

/** Evidence of one tenant, judged by that tenant's trust providers and no other's. `signal` as in a `Wire`. */
export type Attest = (
  tenant: TenantSnapshot,
  compact: string,
  now: EpochSeconds,
  signal: () => AbortSignal,
) => Promise<Result<Attestation, Refusal>>

/** All that the authority's token flows stand on; filled by whoever composes the program. */
export type AuthorityPorts = {
  /** The authority's public origin: issuers are `<origin>/t/<tenant>`. */
  readonly origin: string
  /** The origin that all gateways share: resource URIs start with it. */
  readonly gatewayOrigin: string
  readonly now: Clock
  readonly newId: NewId
  readonly snapshot: () => Snapshot
  /** Milliseconds since the database last said that the snapshot is current; beyond `maxAgeMs` nothing is minted. */
  readonly ageMs: () => number
  readonly maxAgeMs: number
  /** Brings the snapshot up to what was just committed. */
  readonly refresh: () => Promise<void>
  readonly store: Pick<Store, 'commit' | 'bindEvidence'>
  readonly decide: Decide
  readonly attest: Attest
  /** The keys of one tenant's identity provider; the same document gives the same cache. */
  readonly idpKeys: (tenant: TenantName, idp: IdentityProvider) => RemoteKeys
  /** The key that signs a tenant's tokens now; undefined when this process holds none. */
  readonly signer: (tenant: TenantName) => SigningKey | undefined
  readonly replay: ReplayCache
  /** What was verified before; made by `createAuthorityMemory`. */
  readonly memory: AuthorityMemory
  readonly signIn: SignInPorts
}

/** What signing people in stands on besides: things kept on the way, and the way to the company's provider and to clients' documents. */
export type SignInPorts = {
  readonly kept: KeptStore
  readonly openId: OpenIdClient
  readonly fetch: GuardedFetch
}

/** One request's view: the snapshot and the second in which all of it is judged. */
export type AuthorityView = {
  readonly ports: AuthorityPorts
  readonly snapshot: Snapshot
  readonly tenant: TenantSnapshot
  readonly name: TenantName
  readonly issuer: string
  readonly at: EpochMillis
  readonly now: EpochSeconds
}

/** The view of one tenant, or undefined when there is no such tenant. */
export function viewOf(ports: AuthorityPorts, name: string): AuthorityView | undefined {
  const snapshot = ports.snapshot()
  const tenant = snapshot.tenants.get(name as TenantName)
  if (!tenant) return undefined
  const at = ports.now()
  const issuer = `${ports.origin}/t/${name}`
  return { ports, snapshot, tenant, name: name as TenantName, issuer, at, now: toSeconds(at) }
}

/**
 * The view to judge a call to this resource by. What not everything may flow into is judged with every label that was committed before
 * now, at whichever authority: its caller's input was made before, so it holds nothing of what comes after. Throws Unavailable.
 */
export async function viewToJudge(
  view: AuthorityView,
  { resource }: Pick<KnownResource, 'resource'>,
): Promise<AuthorityView> {
  if (!isSink(resource)) return view
  await view.ports.refresh()
  const fresh = viewOf(view.ports, view.name)
  if (fresh) return fresh
  throw new Unavailable('registry.stale', 'the tenant was removed while a call of it was judged')
}

/** Throws Unavailable when what we know may be old: what was revoked meanwhile could be minted again (ARCHITECTURE §9). */
export function requireFresh(ports: AuthorityPorts): void {
  if (ports.ageMs() <= ports.maxAgeMs) return
  throw new Unavailable('registry.stale', 'the registry was not confirmed by the database in time')
}

/** The key that signs now, which must be one that the tenant publishes: nobody could verify another. */
export function requireSigner(view: AuthorityView): SigningKey {
  const signer = view.ports.signer(view.name)
  if (signer && view.tenant.keys.has(signer.kid)) return signer
  throw new Unavailable('keys.no_signer', 'this authority holds no published signing key of the tenant')
}
