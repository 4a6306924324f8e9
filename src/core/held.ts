import type { TenantName, UserId } from './ids.ts'
import type { Refusal } from './refusal.ts'
import type { Result } from './result.ts'
import type { Secret } from './secret.ts'
import type { EpochSeconds } from './time.ts'

/**
 * Where a held secret is good: `resource:<name>` (a person's account at the server behind it), `idp:<name>` (what their sign-in left
 * for us), `client:<issuer> <redirect>` (what we are at an authorization server; it is the tenant's own, so `user` is empty).
 */
export type HeldPlace = `resource:${string}` | `idp:${string}` | `client:${string}`

export type HeldKey = {
  readonly tenant: TenantName
  /** Empty for what belongs to the tenant itself. */
  readonly user: UserId | ''
  readonly place: HeldPlace
}

/** A secret that outlives a lease, sealed under the tenant's key. */
export type HeldSecret = HeldKey & {
  /** A JWE; its authenticated context is the key of this row, so in another row it does not open. */
  readonly sealed: string
  /** JSON, never secret: what may be listed. */
  readonly about: string
}

/** `version` grows with each change. */
export type HeldRow = HeldSecret & { readonly version: number; readonly changed: EpochSeconds }

/** Held secrets, and the wrapped keys that seal them. Every method throws `Unavailable` when the database can't answer. */
export interface HeldStore {
  held(key: HeldKey): Promise<HeldRow | undefined>
  /** Of one person, or of all of the tenant; by place, then person. */
  holdings(tenant: TenantName, user?: UserId): Promise<readonly HeldRow[]>
  /** Puts a secret in its place, whatever was there. */
  hold(secret: HeldSecret): Promise<void>
  /**
   * Says that the caller, and nobody else in any process, replaces this version until then. False when somebody else does, or it is
   * no longer this version.
   */
  claimHeld(key: HeldKey, version: number, until: EpochSeconds): Promise<boolean>
  /** Puts the next version in place; false when this one is gone, so that what was got for it can be given back. */
  replaceHeld(secret: HeldSecret, version: number): Promise<boolean>
  /** Gives up a claim. */
  unclaimHeld(key: HeldKey, version: number): Promise<void>
  /** Removes it, for the first who asks; with `version` only that one. */
  letGo(key: HeldKey, version?: number): Promise<HeldRow | undefined>
  /** A tenant's own key, sealed under a root key. */
  tenantKey(tenant: TenantName): Promise<string | undefined>
  /** Stores it where there was none (`previous` undefined), or in the place of this one. False when somebody was first. */
  saveTenantKey(tenant: TenantName, wrapped: string, previous: string | undefined): Promise<boolean>
}

/** What is held for one person at one place, opened. `about` is JSON and may be shown. */
export type Opened = {
  readonly secret: Secret
  readonly about: string
  readonly version: number
  readonly changed: EpochSeconds
}

/** What stands in the list: never the secret. */
export type Holding = Pick<HeldRow, 'user' | 'place' | 'about' | 'changed'>

/**
 * Secrets that outlive a lease. In the database they are sealed under their tenant's key, which is wrapped by a root key from outside
 * it; whose and where each is goes into the seal, so that a row in another's place does not open. Every method throws Unavailable.
 */
export interface HeldSecrets {
  open(key: HeldKey): Promise<Result<Opened | undefined, Refusal>>
  hold(key: HeldKey, secret: Secret, about: string): Promise<Result<void, Refusal>>
  list(tenant: TenantName, user?: UserId): Promise<readonly Holding[]>
  claim(key: HeldKey, version: number, until: EpochSeconds): Promise<boolean>
  unclaim(key: HeldKey, version: number): Promise<void>
  /** The next version; `false` when the one before is gone. */
  replace(key: HeldKey, secret: Secret, about: string, version: number): Promise<Result<boolean, Refusal>>
  /** Removes it and gives it to the first who asks; what can't be opened is removed too, and given as undefined. */
  letGo(key: HeldKey, version?: number): Promise<{ readonly gone: boolean; readonly opened?: Opened }>
}
