import { type FetchOptions, fetchJson, type GuardedFetch } from '../guarded-fetch.ts'
import { bad, good, type Outcome } from '../outcome.ts'
import { importJwks, type KeySet, type KeyUse } from './key-set.ts'

/** Where the keys of one issuer come from. */
export type KeySource = {
  /** Exact issuer; its discovery document names the keys unless `jwksUri` or `jwks` is given. */
  readonly issuer: string
  readonly jwksUri?: string
  readonly jwks?: unknown
  readonly ca?: string
  readonly allow?: readonly string[]
  /** Seconds that keys stay good while the issuer can't be reached. Default 24 h. */
  readonly survive?: number
  readonly use?: KeyUse
}

/** The keys of one trust provider. Belongs to it alone: nothing here is shared with another, or with another tenant. */
export type RemoteKeys = {
  /** The keys to verify a token with this `kid` by; asks the issuer again when the `kid` is not known. */
  find(kid: string | undefined, now: number): Promise<Outcome<KeySet>>
}

/** Seconds. An issuer is asked at most once in `between`; keys older than `refresh` are renewed, older than `wait` first. */
const PACE = { between: 30, refresh: 60, wait: 300 }
const DEFAULT_SURVIVE = 86_400

type Held = {
  keys: KeySet | undefined
  fetchedAt: number
  triedAt: number
  problem: Outcome<never> | undefined
  underway: Promise<void> | undefined
}

export function createRemoteKeys(source: KeySource, fetch: GuardedFetch): RemoteKeys {
  if (source.jwks !== undefined) {
    const inline = importJwks(source.jwks, source.use)
    return { find: async () => inline }
  }
  const never = Number.NEGATIVE_INFINITY
  const held: Held = {
    keys: undefined,
    fetchedAt: never,
    triedAt: never,
    problem: undefined,
    underway: undefined,
  }
  return {
    async find(kid, now) {
      const age = now - held.fetchedAt
      const known = held.keys !== undefined && (kid === undefined || held.keys.byKid.has(kid))
      if (!known || age > PACE.refresh) {
        const renewal = renew(held, source, fetch, now)
        if (!known || age > PACE.wait) await renewal
      }
      return answer(held, source, now)
    },
  }
}

/** One question at a time, and none within `between` of the last, however many tokens name unknown keys. */
function renew(held: Held, source: KeySource, fetch: GuardedFetch, now: number): Promise<void> {
  if (held.underway) return held.underway
  if (now - held.triedAt < PACE.between) return Promise.resolve()
  held.triedAt = now
  held.underway = load(source, fetch)
    .then((loaded) => {
      if (!loaded.ok) {
        held.problem = loaded
        return
      }
      held.keys = loaded.value
      held.fetchedAt = now
      held.problem = undefined
    })
    .catch(() => {
      // A renewal may run with nobody waiting; whatever broke it must not end the process.
      held.problem = bad('stale', 'keys.unavailable', 'The keys of the issuer could not be read.')
    })
    .finally(() => {
      held.underway = undefined
    })
  return held.underway
}

function answer(held: Held, source: KeySource, now: number): Outcome<KeySet> {
  if (!held.keys) {
    return held.problem ?? bad('stale', 'keys.unavailable', 'The keys of the issuer could not be read yet.')
  }
  if (held.problem && now - held.fetchedAt > (source.survive ?? DEFAULT_SURVIVE)) {
    return bad('stale', 'keys.stale', 'The issuer has not answered for longer than its keys may be used.')
  }
  return good(held.keys)
}

async function load(source: KeySource, fetch: GuardedFetch): Promise<Outcome<KeySet>> {
  const options: FetchOptions = {
    ...(source.ca === undefined ? {} : { ca: source.ca }),
    ...(source.allow === undefined ? {} : { allow: source.allow }),
  }
  const uri =
    source.jwksUri === undefined ? await discover(source.issuer, fetch, options) : good(source.jwksUri)
  if (!uri.ok) return uri
  const jwks = await fetchJson(fetch, uri.value, options)
  return jwks.ok ? importJwks(jwks.value, source.use) : jwks
}

/** OpenID Connect Discovery §4.3: the document's issuer must be exactly the one that was asked for. */
async function discover(
  issuer: string,
  fetch: GuardedFetch,
  options: FetchOptions,
): Promise<Outcome<string>> {
  const document = await fetchJson(
    fetch,
    `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    options,
  )
  if (!document.ok) return document
  if (document.value.issuer !== issuer) {
    return bad('denied', 'keys.issuer_mismatch', 'The discovery document names another issuer.')
  }
  const uri = document.value.jwks_uri
  return typeof uri === 'string'
    ? good(uri)
    : bad('denied', 'keys.malformed', 'The discovery document has no jwks_uri.')
}

/** Hands out each provider's keys, the same object as long as its settings stay the same. */
export type KeyRing = {
  /** `owner` names the provider across tenants, such as `acme/prod-cluster`. */
  keysOf(owner: string): (source: KeySource) => RemoteKeys
  forget(owner: string): void
}

export function createKeyRing(fetch: GuardedFetch): KeyRing {
  const byOwner = new Map<
    string,
    { source: KeySource; readonly settings: string; readonly keys: RemoteKeys }
  >()
  return {
    keysOf: (owner) => (source) => {
      const held = byOwner.get(owner)
      if (held?.source === source) return held.keys
      const settings = JSON.stringify(source)
      if (held?.settings === settings) {
        held.source = source
        return held.keys
      }
      const keys = createRemoteKeys(source, fetch)
      byOwner.set(owner, { source, settings, keys })
      return keys
    },
    forget: (owner) => {
      byOwner.delete(owner)
    },
  }
}
