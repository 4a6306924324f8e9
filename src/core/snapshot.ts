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
import type { Entities } from './policy/cedar/cedar.ts'
import type { Condition, ConditionTest, Fact } from './policy/condition.ts'
import type { Delegation } from './policy/delegation.ts'
import type { FactsResource } from './policy/facts-resource.ts'
import type { PolicySet } from './policy/policy-set.ts'
import type { Resource } from './policy/resource.ts'
import type { SessionLabels } from './policy/session-label.ts'
import type { Tool } from './policy/tool.ts'

/** A resource with its tools under one shape; `facts` is the one that every tenant has without declaring it. */
export type KnownResource = {
  readonly resource: Resource | FactsResource
  readonly tools: ReadonlyMap<string, Tool>
}

/**
 * All that decides in one tenant, immutable. `agents` holds those whose home is here; `admissions` names the guests, whose own
 * documents stand in their home. `broken` is set when something stored can't be used: the tenant is refused whole, and no other.
 */
export type TenantSnapshot = {
  readonly tenant: Tenant
  readonly keys: ReadonlyMap<string, SigningKey>
  readonly trusts: ReadonlyMap<string, TrustProvider>
  readonly idps: ReadonlyMap<string, IdentityProvider>
  readonly agents: ReadonlyMap<AgentId, Agent>
  readonly users: ReadonlyMap<UserId, User>
  /** The same users by their own name, and those whose identity provider isn't here (so that they have no id). */
  readonly usersByName: ReadonlyMap<string, User>
  readonly admissions: ReadonlyMap<AgentId, Admission>
  readonly gateways: ReadonlyMap<string, Gateway>
  readonly resources: ReadonlyMap<string, KnownResource>
  readonly delegations: ReadonlyMap<string, Delegation>
  readonly credentials: ReadonlyMap<string, CredentialProviderSettings>
  readonly conditions: ReadonlyMap<string, { readonly condition: Condition; readonly test: ConditionTest }>
  readonly policies: PolicySet
  /** What policies see of the resources and their tools; agents and users are added for each question. */
  readonly entities: Entities
  readonly revocations: ReadonlyMap<Link, Revocation>
  /** Reported facts by `<subject link>/<source>`. */
  readonly facts: ReadonlyMap<string, Fact>
  /** What sessions collected, by `<session>/<label>`. */
  readonly sessionLabels: SessionLabels
  /** What is stored and can't be used: `<kind>/<name>` → why. `broken` is the first of them. */
  readonly problems: ReadonlyMap<string, string>
  readonly broken?: string
}

/** The immutable, versioned view that a process decides from. A gateway's holds only the tenants it is listed for. */
export type Snapshot = {
  readonly revision: Revision
  readonly tenants: ReadonlyMap<TenantName, TenantSnapshot>
}

/** Why a tenant counts as unknown: documents of it are here, but not the one that says it exists. */
export const NO_TENANT_DOCUMENT = 'there is no tenant document'

export function emptySnapshot(): Snapshot {
  return { revision: 0 as Revision, tenants: new Map() }
}

/** The same view at a later revision: what changed since is not for this process to see. Never goes back. */
export function atRevision(snapshot: Snapshot, revision: Revision): Snapshot {
  return revision > snapshot.revision ? { ...snapshot, revision } : snapshot
}
