import type { z } from 'zod'
import type { AccountSettings } from '../core/credential/account.ts'
import type { Credential, Custody } from '../core/credential/credential.ts'
import type { Lease } from '../core/credential/lease.ts'
import type { UpstreamChallenge } from '../core/credential/upstream-challenge.ts'
import type { HeldSecrets } from '../core/held.ts'
import type { Agent } from '../core/identity/agent.ts'
import type { User } from '../core/identity/user.ts'
import type { TenantName } from '../core/ids.ts'
import type { Allow } from '../core/policy/decision.ts'
import type { Resource } from '../core/policy/resource.ts'
import type { Tool } from '../core/policy/tool.ts'
import type { Refusal } from '../core/refusal.ts'
import type { Result } from '../core/result.ts'
import type { Secret } from '../core/secret.ts'
import type { EpochMillis } from '../core/time.ts'
import type { GuardedFetch } from '../lib/guarded-fetch.ts'

/** What a credential is made for. Only `decide` makes an Allow, so there is no way here around it. */
export type Issue = {
  readonly allow: Allow
  /** Recorded as `pending` before this is called, so that a crash leaves nothing unknown. Its `expires` bounds the credential. */
  readonly lease: Lease
  readonly resource: Resource
  /** The tools that the credential must reach, and no others. */
  readonly tools: readonly Tool[]
  readonly agent: Agent
  readonly user?: User
  /** What the server behind said when it was shown the credential before. */
  readonly challenge?: UpstreamChallenge
}

/** All a provider may touch besides its target. */
export type CredentialPorts = {
  readonly now: EpochMillis
  /** Signs claims with the tenant's current token key; adds `iss`. */
  readonly sign: (tenant: TenantName, typ: string, claims: Readonly<Record<string, unknown>>) => string
  readonly signal: AbortSignal
  /** To public places over https, and to private ones that operator and settings both list. */
  readonly fetch: GuardedFetch
  /** Secrets that outlive a lease. */
  readonly held: HeldSecrets
  /** A credential of ours at somebody else's, by its name in the authority's `secrets`; undefined when there is none of that name. */
  readonly secret: (name: string) => Promise<Secret | undefined>
}

/** Something wrong with a target, and the commands that put it right. */
export type Finding = { readonly code: string; readonly says: string; readonly remedy: readonly string[] }

/** Code that obtains one Credential for one allowed request (ARCHITECTURE §7). */
export interface CredentialProvider<Config> {
  readonly name: string
  readonly config: z.ZodType<Config>
  readonly custody: Custody
  issue(issue: Issue, config: Config, ports: CredentialPorts): Promise<Result<Credential, Refusal>>
  /** Ends a credential now, sessions that use it included. Done twice is fine; what is gone already is ended. */
  revoke?(
    handle: string,
    lease: Lease,
    resource: Resource,
    config: Config,
    ports: CredentialPorts,
  ): Promise<Result<void, Refusal>>
  /** Looks at the target before `apply` accepts it; findings stop the apply. */
  inspect?(
    resource: Resource,
    config: Config,
    ports: Pick<CredentialPorts, 'now' | 'signal'>,
  ): Promise<readonly Finding[]>
  /** For a provider that uses accounts which people connect: where and how. */
  account?(config: Config): AccountSettings
  close?(): Promise<void>
}
