import { createHash, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import type { Ports } from '../../src/attestors/contract.ts'
import { attestToken } from '../../src/attestors/registry.ts'
import { applyChanges } from '../../src/core/apply-changes.ts'
import type { AuditDraft } from '../../src/core/audit/audit-event.ts'
import type { NewId, Revision, TenantName } from '../../src/core/ids.ts'
import { decide } from '../../src/core/policy/decide.ts'
import type { Store, Write, Written } from '../../src/core/ports.ts'
import { Unavailable } from '../../src/core/refusal.ts'
import type { Change, ChangeDraft } from '../../src/core/registry.ts'
import type { Snapshot } from '../../src/core/snapshot.ts'
import { emptySnapshot } from '../../src/core/snapshot.ts'
import { epochMillis, epochSeconds, toSeconds } from '../../src/core/time.ts'
import type { AuthorityPorts } from '../../src/flows/authority.ts'
import { createAuthorityMemory } from '../../src/flows/authority-memory.ts'
import type { Route } from '../../src/lib/http/route.ts'
import { type HttpServer, serveRoutes } from '../../src/lib/http/server.ts'
import { createReplayCache } from '../../src/lib/jose/dpop-replay.ts'
import { signJws } from '../../src/lib/jose/jws.ts'
import { signJwt } from '../../src/lib/jose/jwt.ts'
import { createRemoteKeys, type KeySource } from '../../src/lib/jose/remote-keys.ts'
import { newSigningKey, type SigningKey } from '../../src/lib/jose/signing-key.ts'
import { bad } from '../../src/lib/outcome.ts'
import { oauthRoutes } from '../../src/protocols/oauth/routes.ts'
import { changesOf, PORTS, type World } from '../properties/decide-world.ts'
import { signInNowhere } from './kept.ts'

export const GATEWAY = 'https://gateway.example'
export const START = 1_800_000_000

/** A key that signs as clusters and identity providers do. */
export type ForeignIssuer = {
  readonly issuer: string
  readonly jwks: object
  readonly sign: (claims: Record<string, unknown>, typ?: string, key?: KeyObject) => string
}

export function foreignIssuer(issuer: string): ForeignIssuer {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return {
    issuer,
    jwks: { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }] },
    sign: (claims, typ = 'JWT', key = pair.privateKey) =>
      signJwt({ iss: issuer, ...claims }, { key, kid: 'k1', alg: 'RS256', typ }),
  }
}

/** A store in memory that behaves: commits in order, spends once, binds evidence, and stops when told to. */
export type MemoryStore = Pick<Store, 'commit' | 'bindEvidence'> & {
  readonly events: AuditDraft[]
  readonly writes: Write[]
  readonly snapshot: () => Snapshot
  readonly apply: (changes: readonly ChangeDraft[]) => void
  down: boolean
}

export function memoryStore(start: Snapshot): MemoryStore {
  let snapshot = start
  const spent = new Set<string>()
  const bound = new Map<string, string>()
  const apply = (changes: readonly ChangeDraft[]) => {
    const revision = (snapshot.revision + 1) as Revision
    snapshot = applyChanges(
      snapshot,
      changes.map((each) => ({ ...each, revision }) as Change),
      PORTS,
    )
  }
  const store: MemoryStore = {
    events: [],
    writes: [],
    down: false,
    snapshot: () => snapshot,
    apply,
    async commit(write): Promise<Written> {
      if (store.down) throw new Unavailable('store.unreachable', 'the test took the store away')
      const { spend, changes = [], events } = write
      const key = spend && `${spend.tenant} ${spend.key}`
      if (key !== undefined && spent.has(key)) return { done: false, why: 'spent' }
      if (key !== undefined) spent.add(key)
      store.writes.push(write)
      store.events.push(...events)
      if (changes.length > 0) apply(changes)
      return { done: true, revision: snapshot.revision }
    },
    async bindEvidence(tenant, instance, jkt) {
      if (store.down) throw new Unavailable('store.unreachable', 'the test took the store away')
      const key = `${tenant} ${instance}`
      const previous = bound.get(key)
      bound.set(key, jkt)
      return previous === undefined || previous === jkt ? {} : { previous }
    },
  }
  return store
}

/** An authority over HTTP: real flows, decisions, attestors and signatures; store and clock of the test. */
export type FakeAuthority = {
  readonly origin: string
  readonly store: MemoryStore
  readonly ports: AuthorityPorts
  readonly clock: { now: number; ageMs: number }
  readonly keys: ReadonlyMap<string, SigningKey>
  readonly issuer: (tenant: string) => string
  readonly close: () => Promise<void>
}

/** The world is made once the origin is known, since trust providers name it as their audience. */
export async function startAuthority(
  worldFor: (origin: string) => World,
  issuers: readonly ForeignIssuer[],
): Promise<FakeAuthority> {
  const clock = { now: START, ageMs: 0 }
  const table: Route[] = []
  const server = await serveLate(table)
  const origin = `http://127.0.0.1:${server.port}`
  const world = worldFor(origin)
  const keys = new Map(Object.keys(world).map((tenant) => [tenant, newSigningKey()]))
  const store = memoryStore(applyChanges(emptySnapshot(), await changesOf(withKeys(world, keys)), PORTS))
  const ports = portsFor(origin, store, clock, keys, issuers)
  table.push(...oauthRoutes(ports))
  await server.ready()
  return {
    origin,
    store,
    ports,
    clock,
    keys,
    issuer: (tenant) => `${origin}/t/${tenant}`,
    close: () => server.close(),
  }
}

/** A server whose routes are known only after its port is. */
async function serveLate(table: readonly Route[]) {
  const first: HttpServer = await serveRoutes([], { host: '127.0.0.1', port: 0 })
  let last = first
  return {
    port: first.port,
    ready: async () => {
      await first.close()
      last = await serveRoutes(table, { host: '127.0.0.1', port: first.port })
    },
    close: () => last.close(),
  }
}

/** The world with the public half of each tenant's key in it. */
export function withKeys(world: World, keys: ReadonlyMap<string, SigningKey>): World {
  return Object.fromEntries(
    Object.entries(world).map(([tenant, docs]) => {
      const signing = keys.get(tenant) ?? newSigningKey()
      return [
        tenant,
        { ...docs, key: [{ key: signing.kid, state: 'current', created: START, jwk: signing.jwk }] },
      ]
    }),
  )
}

/** Every port filled: real flows, decisions and signatures over this store and clock. */
export function portsFor(
  origin: string,
  store: MemoryStore,
  clock: { now: number; ageMs: number },
  keys: ReadonlyMap<string, SigningKey>,
  issuers: readonly ForeignIssuer[],
): AuthorityPorts {
  const nowhere = async () => bad('stale', 'fetch.failed', 'nothing is reachable in this test')
  const remote = new Map<unknown, ReturnType<typeof createRemoteKeys>>()
  const keysOf = (source: KeySource) => {
    const known = remote.get(source.jwks) ?? createRemoteKeys(source, nowhere)
    remote.set(source.jwks, known)
    return known
  }
  const spend = async (tenant: string, key: string, expires: number) =>
    (
      await store.commit({
        events: [],
        spend: { tenant: tenant as TenantName, key, expires: epochSeconds(expires) },
      })
    ).done
  return {
    origin,
    gatewayOrigin: GATEWAY,
    now: () => epochMillis(clock.now * 1000),
    newId: ((kind: string) => `${kind.slice(0, 3)}_${randomUUID().slice(0, 16)}`) as NewId,
    snapshot: store.snapshot,
    ageMs: () => clock.ageMs,
    maxAgeMs: 5000,
    refresh: async () => {},
    store,
    decide,
    attest: (tenant, compact, now, signal) => {
      const ports: Ports = {
        now,
        signal,
        fetch: nowhere,
        keys: keysOf,
        spend: (key, end) => spend(tenant.tenant.tenant, key, end),
        secret: async () => undefined,
      }
      return attestToken(compact, tenant.trusts.values(), () => ports)
    },
    idpKeys: (_tenant, idp) =>
      keysOf({
        issuer: idp.issuer,
        jwks: issuers.find((each) => each.issuer === idp.issuer)?.jwks ?? { keys: [] },
      }),
    signer: (tenant) => keys.get(tenant),
    replay: createReplayCache(),
    memory: createAuthorityMemory(),
    signIn: signInNowhere(() => clock.now),
  }
}

/** An agent's instance: a key of its own, and requests with a fresh proof each. */
export type Instance = {
  readonly jkt: string
  readonly proof: (url: string, over?: Record<string, unknown>, token?: string) => string
  /** Posts a form with a proof; `null` leaves the proof out. */
  readonly post: (
    url: string,
    form: Record<string, string | readonly string[]>,
    headers?: Record<string, string> | null,
  ) => Promise<Answered>
}
export type Answered = {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

export function instanceOf(authority: Pick<FakeAuthority, 'clock'>): Instance {
  const { key, kid, jwk } = newSigningKey()
  const { kty, crv, x, y } = jwk
  const proof: Instance['proof'] = (url, over = {}, token) => {
    const ath = token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }
    const claims = {
      jti: randomUUID(),
      htm: 'POST',
      htu: url,
      iat: toSeconds(epochMillis(authority.clock.now * 1000)),
      ...ath,
      ...over,
    }
    return signJws(
      JSON.stringify({ alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } }),
      JSON.stringify(claims),
      key,
      'ES256',
    )
  }
  return {
    jkt: kid,
    proof,
    post: (url, form, headers = {}) =>
      postForm(url, form, headers === null ? {} : { dpop: proof(url), ...headers }),
  }
}

export async function postForm(
  url: string,
  form: Record<string, string | readonly string[]>,
  headers: Record<string, string> = {},
): Promise<Answered> {
  const body = new URLSearchParams()
  for (const [name, values] of Object.entries(form))
    for (const each of [values].flat()) body.append(name, String(each))
  const response = await fetch(url, {
    method: 'POST',
    body: body.toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  }
}

/** What a token says, unverified. */
export function claimsOf(token: unknown): Record<string, unknown> {
  return JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    unknown
  >
}
