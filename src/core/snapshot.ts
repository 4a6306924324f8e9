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
import type { Link, RevokedAt } from './lifecycle/revocation.ts'
import type { Condition, ConditionTest, Fact } from './policy/condition.ts'
import type { Delegation } from './policy/delegation.ts'
import type { Resource } from './policy/resource.ts'
import type { Tool } from './policy/tool.ts'
import type { PolicySet } from './policy/policy-set.ts'

/** A resource with its tools under one shape. */
export type KnownResource = { readonly resource: Resource; readonly tools: ReadonlyMap<string, Tool> }

/**
 * All that decides in one tenant, immutable. `agents` holds those whose home is here and those admitted from elsewhere, so a
 * decision looks in one place; `admissions` says which are guests. `broken` is set when something stored can't be used: the
 * tenant is refused whole, and no other.
 */
export type TenantSnapshot = {
  readonly tenant: Tenant
  readonly keys: ReadonlyMap<string, SigningKey>
  readonly trusts: ReadonlyMap<string, TrustProvider>
  readonly idps: ReadonlyMap<string, IdentityProvider>
  readonly agents: ReadonlyMap<AgentId, Agent>
  readonly users: ReadonlyMap<UserId, User>
  readonly admissions: ReadonlyMap<AgentId, Admission>
  readonly gateways: ReadonlyMap<string, Gateway>
  readonly resources: ReadonlyMap<string, KnownResource>
  readonly delegations: ReadonlyMap<string, Delegation>
  readonly credentials: ReadonlyMap<string, CredentialProviderSettings>
  readonly conditions: ReadonlyMap<string, { readonly condition: Condition; readonly test: ConditionTest }>
  readonly policies: PolicySet
  readonly revocations: ReadonlyMap<Link, RevokedAt>
  /** Reported facts by `<subject link>/<source>`. */
  readonly facts: ReadonlyMap<string, Fact>
  readonly broken?: string
}

/** The immutable, versioned view that a process decides from. A gateway's holds only the tenants it is listed for. */
export type Snapshot = {
  readonly revision: Revision
  readonly tenants: ReadonlyMap<TenantName, TenantSnapshot>
}
