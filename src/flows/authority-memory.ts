import { hash } from 'node:crypto'
import type { AgentTokenClaims } from '../core/identity/access-token.ts'
import type { Attestation } from '../core/identity/attestation.ts'
import type { OAuthClient } from '../core/identity/oauth-client.ts'
import type { EpochSeconds } from '../core/time.ts'
import type { Claims } from '../lib/jose/jwt.ts'
import type { RemoteKeys } from '../lib/jose/remote-keys.ts'
import { createLru, type Lru } from '../lib/lru.ts'
import { type AccessTokenCache, createAccessTokenCache } from './verify-access-token.ts'

/** A verified token and what it was verified by: it counts again only while that is still the same object. */
export type Remembered<T> = { readonly value: T; readonly by: unknown; readonly until: EpochSeconds }

/**
 * What this process verified before, so that a token shown again costs a digest instead of a signature check. Keyed by tenant
 * and SHA-256 of the canonical compact token (ARCHITECTURE §2.8). Times, revocations and bindings are never remembered as good.
 */
export type AuthorityMemory = {
  readonly tokens: AccessTokenCache
  readonly agentTokens: Lru<string, Remembered<AgentTokenClaims>>
  readonly attestations: Lru<string, Remembered<Attestation>>
  readonly userTokens: Lru<string, Remembered<Claims>>
  /** The key an instance's evidence is bound to. A rebind elsewhere revokes the old key, so this can't go stale unnoticed. */
  readonly bindings: Lru<string, string>
  /** Sessions that are known to be in the store. */
  readonly sessions: Lru<string, true>
  /** Clients' metadata documents, by tenant, trust provider and URL. */
  readonly clientDocuments: Lru<string, RememberedDocument>
  /** Keys that clients prove themselves by, by tenant, trust provider, client and where they are. */
  readonly clientKeys: Lru<string, RemoteKeys>
  /** Links that people were given to connect an account by, so that one who is asked often is given the same. */
  readonly offers: Lru<string, { readonly url: string; readonly until: EpochSeconds }>
}

/** A client's metadata document, the settings it was read by, and the second until which it is used without asking again. */
export type RememberedDocument = Remembered<OAuthClient>

/** Seconds after which keys and reviews are asked again, however long the token lives. */
const REMEMBER = 60

export function createAuthorityMemory(max = 20_000): AuthorityMemory {
  return {
    tokens: createAccessTokenCache(max),
    agentTokens: createLru(max),
    attestations: createLru(max),
    userTokens: createLru(max),
    bindings: createLru(max),
    sessions: createLru(max),
    clientDocuments: createLru(1000),
    clientKeys: createLru(1000),
    offers: createLru(max),
  }
}

/** The key of a token in one tenant's part of the memory. */
export function tokenKey(tenant: string, compact: string): string {
  return `${tenant} ${hash('sha256', compact, 'base64url')}`
}

export function recall<T>(
  memory: Lru<string, Remembered<T>>,
  key: string,
  by: unknown,
  now: EpochSeconds,
): T | undefined {
  const found = memory.get(key)
  return found && found.by === by && now < found.until ? found.value : undefined
}

export function remember<T>(
  memory: Lru<string, Remembered<T>>,
  key: string,
  by: unknown,
  now: EpochSeconds,
  value: T,
): void {
  memory.set(key, { value, by, until: (now + REMEMBER) as EpochSeconds })
}
