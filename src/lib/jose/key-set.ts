import { bad, good, type Outcome } from '../outcome.ts'
import { isJsonObject, type Json } from '../strict-json.ts'
import type { Algorithm } from './algorithms.ts'
import { hasPrivateMembers, importPublicJwk, type PinnedKey } from './public-key.ts'

/** The usable public keys of one issuer. */
export type KeySet = {
  readonly byKid: ReadonlyMap<string, PinnedKey>
  readonly withoutKid: readonly PinnedKey[]
}

/** What `use` the keys must state: `sig` may also be left out (RFC 7517 §4.2), `jwt-svid` may not (SPIFFE JWT-SVID §6). */
export type KeyUse = 'sig' | 'jwt-svid'

const MAX_KEYS = 100
/** A token without `kid` is tried against this many keys at most, so that it can't buy many signature checks. */
const MAX_CANDIDATES = 4

/**
 * Reads a JWKS (RFC 7517 §5). Keys that we can't use (encryption, unknown or weak) are left out, as §5 asks; a set
 * that shows private material or gives one `kid` to two keys is refused whole.
 */
export function importJwks(jwks: unknown, use: KeyUse = 'sig'): Outcome<KeySet> {
  const listed = isJsonObject(jwks) ? jwks.keys : undefined
  if (!Array.isArray(listed) || listed.length > MAX_KEYS) {
    return bad('malformed', 'keys.malformed', `The key set is not a JWKS of at most ${MAX_KEYS} keys.`)
  }
  const byKid = new Map<string, PinnedKey>()
  const withoutKid: PinnedKey[] = []
  const kids = new Set<string>()
  for (const jwk of listed as readonly Json[]) {
    if (!isJsonObject(jwk))
      return bad('malformed', 'keys.malformed', 'The key set holds something that is no key.')
    if (hasPrivateMembers(jwk)) {
      return bad(
        'denied',
        'keys.private',
        'The key set shows private or symmetric keys; they must be replaced.',
      )
    }
    if (!usableAs(use, jwk.use)) continue
    if (typeof jwk.kid === 'string') {
      if (kids.has(jwk.kid)) return bad('denied', 'keys.duplicate', 'The key set gives one kid to two keys.')
      kids.add(jwk.kid)
    }
    const read = importPublicJwk(jwk)
    if (!read.ok) continue
    if (read.value.kid === undefined) withoutKid.push(read.value)
    else byKid.set(read.value.kid, read.value)
  }
  return good({ byKid, withoutKid })
}

function usableAs(use: KeyUse, stated: Json | undefined): boolean {
  return use === 'sig' ? stated === undefined || stated === 'sig' : stated === use
}

/** A set of keys that are already imported, such as our own. */
export function keySetOf(keys: readonly PinnedKey[]): KeySet {
  return {
    byKid: new Map(keys.flatMap((key) => (key.kid === undefined ? [] : [[key.kid, key] as const]))),
    withoutKid: keys.filter((key) => key.kid === undefined),
  }
}

/** The keys a token with this header may have been signed with: the named one, else those without a name. */
export function candidates(keys: KeySet, kid: string | undefined, alg: Algorithm): readonly PinnedKey[] {
  if (kid !== undefined) {
    const named = keys.byKid.get(kid)
    if (named) return named.alg === alg ? [named] : []
  }
  const unnamed = kid === undefined ? [...keys.byKid.values(), ...keys.withoutKid] : keys.withoutKid
  const fitting = unnamed.filter((key) => key.alg === alg)
  return fitting.length > MAX_CANDIDATES ? [] : fitting
}
