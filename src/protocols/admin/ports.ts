import type { NewId, Revision } from '../../core/ids.ts'
import type { Link } from '../../core/lifecycle/revocation.ts'
import type { Store } from '../../core/ports.ts'
import type { Refusal } from '../../core/refusal.ts'
import type { Result } from '../../core/result.ts'
import type { Snapshot } from '../../core/snapshot.ts'
import type { Clock } from '../../core/time.ts'
import type { AcceptAsk, AcceptedDefinition } from '../../flows/accept-definition.ts'
import type { RegistryPorts } from '../../flows/configuration/registry-writing.ts'
import type { EngineLine } from '../../flows/engine-reports.ts'
import type { CheckpointPorts } from '../../flows/export-audit.ts'
import type { ConnectedGateway } from '../../flows/feed-gateway.ts'
import type { LiftAsk } from '../../flows/quarantine-policies.ts'
import type { RestoreAsk } from '../../flows/restore.ts'
import type { RevokeAsk, RevokeReport } from '../../flows/revoke.ts'
import type { RemoteKeys } from '../../lib/jose/remote-keys.ts'
import type { SigningKey } from '../../lib/jose/signing-key.ts'

/** The company's OIDC issuer whose tokens administrators bring; the server's own configuration names it. */
export type AdminIssuer = {
  readonly issuer: string
  readonly audience: string
  readonly subjects: readonly string[]
  readonly keys: RemoteKeys
}

/** One of the few secrets that exist: what it is, and where it lives. Never the secret. */
export type Root = { readonly root: string; readonly what: string; readonly where: string }

/** All that the admin API stands on; filled by whoever composes the authority. */
export type AdminPorts = {
  /** The authority's public origin; admin tokens are for `<origin>/admin`. */
  readonly origin: string
  readonly now: Clock
  readonly newId: NewId
  readonly snapshot: () => Snapshot
  /** Signs what `login` gives: a key of this process alone, made at its start and never stored (decision 0008). */
  readonly adminKey: SigningKey
  readonly admins?: AdminIssuer
  readonly registry: RegistryPorts
  readonly store: Pick<Store, 'audit' | 'tree' | 'leaves'>
  readonly checkpoints: CheckpointPorts
  readonly revoke: (ask: RevokeAsk) => Promise<Result<RevokeReport, Refusal>>
  readonly restore: (
    ask: RestoreAsk,
  ) => Promise<Result<{ readonly link: Link; readonly revision: Revision }, Refusal>>
  readonly lift: (
    ask: LiftAsk,
  ) => Promise<Result<{ readonly policy: string; readonly revision: Revision }, Refusal>>
  readonly accept: (ask: AcceptAsk) => Promise<Result<AcceptedDefinition, Refusal>>
  readonly engines: () => readonly EngineLine[]
  readonly gateways: () => readonly ConnectedGateway[]
  readonly roots: () => Promise<readonly Root[]>
}
