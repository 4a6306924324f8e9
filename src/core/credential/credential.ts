import { z } from 'zod'
import { nameSchema } from '../identity/name.ts'
import type { Secret } from '../secret.ts'
import type { EpochSeconds } from '../time.ts'

/** A tenant's settings for one credential provider; what stands beside `credential` and `provider` belongs to the plug-in. */
export const credentialProviderSchema = z.looseObject({ credential: nameSchema, provider: nameSchema })
export type CredentialProviderSettings = z.infer<typeof credentialProviderSchema>

/** Where a credential goes: an HTTP header at the gateway, or handed to the caller as a database login. */
export type Placement =
  | { readonly kind: 'header'; readonly name: string; readonly prefix: string }
  | {
      readonly kind: 'login'
      readonly host: string
      readonly port: number
      readonly database: string
      readonly user: string
    }

/** A secret made for one resource. `handle` names it to its provider so that it can be ended. */
export type Credential = {
  readonly placement: Placement
  readonly secret: Secret
  readonly expires: EpochSeconds
  readonly handle: string
  /** Another one, or one for more, is worth asking for where the server doesn't take it. */
  readonly again?: true
}

export type Custody = 'minted' | 'held'
