import type { CredentialProviderSettings } from './credential/credential.ts'
import type { Admission } from './identity/admission.ts'
import type { Agent } from './identity/agent.ts'
import type { Gateway } from './identity/gateway.ts'
import type { IdentityProvider } from './identity/identity-provider.ts'
import type { Tenant } from './identity/tenant.ts'
import type { SigningKey } from './identity/token-key.ts'
import type { TrustProvider } from './identity/trust-provider.ts'
import type { User } from './identity/user.ts'
import type { AgentId, Revision, TenantName, UserId } from './ids.ts'
import type { Link, Revocation } from './lifecycle/revocation.ts'
import { emptyMap, type PersistentMap } from './persistent-map.ts'
import type { BuiltInResource } from './policy/built-in-resources.ts'
import type { Entity } from './policy/cedar/cedar.ts'
import type { Condition, ConditionTest, Fact } from './policy/condition.ts'
import type { Content } from './policy/content.ts'
import type { Definition } from './policy/definition.ts'
import type { Delegation } from './policy/delegation.ts'
import type { DelegationsFor } from './policy/delegations-for.ts'
import type { KnownGroup } from './policy/nest-groups.ts'
import type { PolicySet } from './policy/policy-set.ts'
import type { Quarantine } from './policy/quarantine.ts'
import type { Resource } from './policy/resource.ts'
import type { SessionLabel } from './policy/session-label.ts'
import type { Tool } from './policy/tool.ts'

/** A resource with its tools under one shape, and as policies see it. `actions` are its tools' by name. */
export type KnownResource = {
  readonly resource: Resource | BuiltInResource
  readonly tools: ReadonlyMap<string, Tool>
  /** Of an MCP server: what can be read there, the more specific first. */
  readonly contents: readonly Content[]
  readonly entity: Entity
  readonly actions: ReadonlyMap<string, Entity>
}

/**
 * All that decides in one tenant, immutable. `agents` holds those whose home is here; `admissions` names the guests, whose own
 * documents stand in their home. `broken` is set when something stored can't be used: the tenant is refused whole, and no other.
 */
export type TenantSnapshot = {
  readonly tenant: Tenant
  readonly keys: PersistentMap<string, SigningKey>
  readonly trusts: PersistentMap<string, TrustProvider>
  readonly idps: PersistentMap<string, IdentityProvider>
  readonly agents: PersistentMap<AgentId, Agent>
  readonly users: PersistentMap<UserId, User>
  /** The same users by their own name, and those whose identity provider isn't here (so that they have no id). */
  readonly usersByName: PersistentMap<string, User>
  /** The documents of each person who has several; there should be none. */
  readonly twins: PersistentMap<UserId, readonly User[]>
  readonly groups: PersistentMap<string, KnownGroup>
  readonly admissions: PersistentMap<AgentId, Admission>
  readonly gateways: PersistentMap<string, Gateway>
  readonly resources: PersistentMap<string, KnownResource>
  readonly delegations: PersistentMap<string, Delegation>
  /** The same by whom they let act for whom. */
  readonly delegationsFor: DelegationsFor
  readonly credentials: PersistentMap<string, CredentialProviderSettings>
  readonly conditions: PersistentMap<string, { readonly condition: Condition; readonly test: ConditionTest }>
  readonly policies: PolicySet
  /** By the name of the policy, which may be gone. */
  readonly quarantine: PersistentMap<string, Quarantine>
  /** What servers behind say of their tools, by `<resource>/<tool>`; the resource may be gone. */
  readonly definitions: PersistentMap<string, Definition>
  /** What policies see of the resources, their tools, and groups; agents and users are added for each question. */
  readonly entities: PersistentMap<string, Entity>
  readonly revocations: PersistentMap<Link, Revocation>
  /** Reported facts by `<subject link>/<source>`. */
  readonly facts: PersistentMap<string, Fact>
  /** What sessions collected, by `<session>/<label>`. */
  readonly sessionLabels: PersistentMap<string, SessionLabel>
  /** What is stored and can't be used: `<kind>/<name>` → why. `broken` is the first of them. */
  readonly problems: PersistentMap<string, string>
  readonly broken?: string
}

/** The immutable, versioned view that a process decides from. A gateway's holds only the tenants it is listed for. */
export type Snapshot = {
  readonly revision: Revision
  readonly tenants: PersistentMap<TenantName, TenantSnapshot>
}

/** Why a tenant counts as unknown: documents of it are here, but not the one that says it exists. */
export const NO_TENANT_DOCUMENT = 'there is no tenant document'

export function emptySnapshot(): Snapshot {
  return { revision: 0 as Revision, tenants: emptyMap() }
}

/** The same view at a later revision: what changed since is not for this process to see. Never goes back. */
export function atRevision(snapshot: Snapshot, revision: Revision): Snapshot {
  return revision > snapshot.revision ? { ...snapshot, revision } : snapshot
}
