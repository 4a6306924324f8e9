import type { SessionId, TenantName } from './ids.ts'
import type { EpochSeconds } from './time.ts'

/**
 * What a sign-in leaves behind on its way, each under a random key that only its holder knows:
 * `pushed` (RFC 9126), `sign-in` (away at the identity provider), `consent` (waiting for the person), `code` (RFC 6749 §4.1.2);
 * and `client`, a registration (RFC 7591), under its client id. Of an account that is connected: `connect` (the link that its person was
 * given), `connect-sign-in`, `connect-consent` and `connect-away` (at the authorization server); `connections`, a list that is open.
 */
export type KeptKind =
  | 'pushed'
  | 'sign-in'
  | 'consent'
  | 'code'
  | 'client'
  | 'connect'
  | 'connect-sign-in'
  | 'connect-consent'
  | 'connect-away'
  | 'connections'

export type Kept = {
  readonly tenant: TenantName
  readonly kind: KeptKind
  /** SHA-256 of the key, base64url: whoever reads the database can present nothing. */
  readonly digest: string
  /** JSON. */
  readonly doc: string
  readonly expires: EpochSeconds
}

/** The tokens by which one session is renewed; of each only the digest is stored. */
export type Renewal = {
  readonly tenant: TenantName
  readonly session: SessionId
  /** JSON: for whom and what the session is. */
  readonly doc: string
  /** Base64url of 32 random bytes, by which each token gives the next: two that race with one token get the same. */
  readonly seed: string
  readonly current: string
  readonly expires: EpochSeconds
}

/** What is kept of a session that can be renewed; `current` is the digest of its newest token. */
export type KeptRenewal = Pick<Renewal, 'doc' | 'seed' | 'current' | 'expires'>

/**
 * `reused`: a token that was replaced longer ago than the grace allows; somebody holds a copy. `unknown`: the session is over.
 */
export type Renewed = 'renewed' | 'reused' | 'unknown'

/** `presented` and `next` are digests; `grace` in seconds. */
export type RenewalStep = {
  readonly tenant: TenantName
  readonly session: SessionId
  readonly presented: string
  readonly next: string
  readonly grace: number
}

/** Things with an end that are kept for the flows of a sign-in. Every method throws `Unavailable` when the database can't answer. */
export interface KeptStore {
  /** False when `most` of this kind are kept in this tenant already. */
  keep(kept: Kept, most?: number): Promise<boolean>
  /** What is kept and has not ended. */
  look(tenant: TenantName, kind: KeptKind, digest: string): Promise<string | undefined>
  /** The same, for the first who asks, over all authorities; nobody gets it again. */
  take(tenant: TenantName, kind: KeptKind, digest: string): Promise<string | undefined>
  beginRenewal(renewal: Renewal): Promise<void>
  /** What is kept of a session that can be renewed. */
  renewal(tenant: TenantName, session: SessionId): Promise<KeptRenewal | undefined>
  /** What `renew` would say now; nothing changes. */
  mayRenew(ask: RenewalStep): Promise<Renewed>
  /** Puts `next` in the place of `presented`, under the row's lock. */
  renew(ask: RenewalStep): Promise<Renewed>
  endRenewal(tenant: TenantName, session: SessionId): Promise<void>
}
