import type { z } from 'zod'
import type { Attestation } from '../core/identity/attestation.ts'
import type { Refusal } from '../core/refusal.ts'
import type { Result } from '../core/result.ts'
import type { Secret } from '../core/secret.ts'
import type { EpochSeconds } from '../core/time.ts'
import type { GuardedFetch } from '../lib/guarded-fetch.ts'
import type { UnverifiedJws } from '../lib/jose/jws.ts'
import type { Claims } from '../lib/jose/jwt.ts'
import type { KeySource, RemoteKeys } from '../lib/jose/remote-keys.ts'

/** True the first time a key is seen, everywhere, until it expires. Bound to one tenant by whoever makes it. */
export type SpendOnce = (key: string, expires: EpochSeconds) => Promise<boolean>

/** All that an attestor may touch. Made for one trust provider of one tenant, so nothing in it reaches another's. */
export type Ports = {
  readonly now: EpochSeconds
  /** Aborts when the caller goes away; made when first asked for. */
  readonly signal: () => AbortSignal
  readonly fetch: GuardedFetch
  /** This provider's keys; the same source gives the same cache. */
  readonly keys: (source: KeySource) => RemoteKeys
  readonly spend: SpendOnce
  /** A credential the operator made available under this name, such as the one for TokenReview. */
  readonly secret: (name: string) => Promise<Secret | undefined>
}

/** Code that turns one kind of evidence into selectors, or refuses. Here all evidence is a JWT. */
export type Attestor<Trust> = {
  /** Folder, docs page, and the value of `attestor` in a trust provider. */
  readonly name: string
  /** A trust provider's settings besides `trust` and `attestor`. Strict: an unknown key is refused at load. */
  readonly trust: z.ZodType<Trust>
  /** Whether this provider is the one to ask about a token with these claims, which are not verified yet. */
  concerns(claims: Claims, trust: Trust): boolean
  attest(
    token: UnverifiedJws,
    compact: string,
    trust: Trust,
    ports: Ports,
  ): Promise<Result<Attestation, Refusal>>
}
