import type { AccountSettings } from '../../core/credential/account.ts'
import type { CredentialProviderSettings } from '../../core/credential/credential.ts'
import type { HeldKey, HeldSecrets } from '../../core/held.ts'
import type { AgentId, TenantName, UserId } from '../../core/ids.ts'
import type { Secret } from '../../core/secret.ts'

/** What connecting accounts stands on, besides the authority's own. */
export type ConnectPorts = {
  readonly held: HeldSecrets
  /** How accounts are connected by these settings; undefined where the provider is another. */
  readonly account: (settings: CredentialProviderSettings | undefined) => AccountSettings | undefined
  /** A secret of ours at somebody else's, by its name in the authority's settings. */
  readonly secret: (name: string) => Promise<Secret | undefined>
  /** Ends, everywhere and now, the leases of a person at a resource. `by`: who asked, as the audit names them. */
  readonly endLeases: (tenant: TenantName, user: UserId, resource: string, by: string) => Promise<void>
}

/** What a link to connect an account is for: one person, for the call of one agent. Kept under the link's key, and nothing of it in the link. */
export type KeptOffer = {
  readonly user: UserId
  readonly agent: AgentId
  readonly resource: string
  /** What the server said that it needs, with all that the account has. */
  readonly scopes?: readonly string[]
}

/** Seconds that a link is good for. */
export const OFFER_LIFE = 1800

export function accountKey(tenant: TenantName, user: UserId, resource: string): HeldKey {
  return { tenant, user, place: `resource:${resource}` }
}
