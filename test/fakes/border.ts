import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ports } from '../../src/attestors/contract.ts'
import { attestToken } from '../../src/attestors/registry.ts'
import { applyChanges } from '../../src/core/apply-changes.ts'
import type { CredentialAsk } from '../../src/core/enforcement.ts'
import type { DecisionId, TenantName } from '../../src/core/ids.ts'
import { decide } from '../../src/core/policy/decide.ts'
import { emptySnapshot } from '../../src/core/snapshot.ts'
import { epochMillis } from '../../src/core/time.ts'
import type { AuthorityPorts } from '../../src/flows/authority.ts'
import { createAuthorityMemory } from '../../src/flows/authority-memory.ts'
import { createEngineReports } from '../../src/flows/engine-reports.ts'
import { createGatewayFeeds } from '../../src/flows/feed-gateway.ts'
import { type RevokeAsk, type RevokePorts, revoke } from '../../src/flows/revoke.ts'
import { createLeaseSweep } from '../../src/flows/sweep-leases.ts'
import { createJournalMemory } from '../../src/flows/take-journal.ts'
import type { Route } from '../../src/lib/http/route.ts'
import { serveRoutes } from '../../src/lib/http/server.ts'
import { createReplayCache } from '../../src/lib/jose/dpop-replay.ts'
import { signJws } from '../../src/lib/jose/jws.ts'
import { signJwt } from '../../src/lib/jose/jwt.ts'
import { createRemoteKeys } from '../../src/lib/jose/remote-keys.ts'
import { newSigningKey, type SigningKey } from '../../src/lib/jose/signing-key.ts'
import { bad } from '../../src/lib/outcome.ts'
import { gatewayRoutes } from '../../src/protocols/gateway/routes.ts'
import { startGatewayLink } from '../../src/server/gateway-link/gateway-link.ts'
import { startLiveRegistry } from '../../src/server/live-registry.ts'
import { createPostgresStore } from '../../src/stores/postgres/store/create.ts'
import { randomId, randomSalt } from '../../src/stores/postgres/store/random.ts'
import { startTestPostgres } from '../../src/stores/postgres/testing.ts'
import { ana, changesOf, PORTS } from '../properties/decide-world.ts'
import { CLUSTER, GATEWAY, upstream, uriOf, worldOf } from './border-world.ts'
import { signInNowhere } from './kept.ts'
import { fakeTicketKeys } from './ticket-keys.ts'

export { GATEWAY, uriOf }

const now = () => epochMillis(Date.now())
/** The sweep's own clock can be moved ahead. */
const clock = { skip: 0 }
const monotonic = () => performance.now()
const seconds = () => Math.floor(Date.now() / 1000)

/** Serves on a port that is known before the routes are. */
async function serveOn(routesFor: (origin: string) => Promise<readonly Route[]>) {
  const first = await serveRoutes([], { host: '127.0.0.1', port: 0 })
  const { port } = first
  await first.close()
  const routes = await routesFor(`http://127.0.0.1:${port}`)
  const start = () =>
    serveRoutes(routes, { host: '127.0.0.1', port, limits: { grace: 200 }, onFault: () => undefined })
  let server = await start()
  return {
    stop: () => server.close(),
    start: async () => {
      server = await start()
    },
  }
}

export type Border = Awaited<ReturnType<typeof startBorder>>

/** An authority's side of the border over real HTTP on a real database, and gateways that are tied to it. */
export async function startBorder() {
  const postgres = await startTestPostgres({
    migrations: new URL('../../src/stores/postgres/migrations', import.meta.url),
  })
  const database = await postgres.freshDatabase()
  const store = await createPostgresStore({ pool: database.pool })
  const folder = await mkdtemp(join(tmpdir(), 'border-'))
  const keys = new Map(['operator', 'a', 'b'].map((tenant) => [tenant, newSigningKey()]))
  const faults: unknown[] = []
  const apply = (snapshot: Parameters<typeof applyChanges>[0], changes: Parameters<typeof applyChanges>[1]) =>
    applyChanges(snapshot, changes, PORTS)
  const live = await startLiveRegistry(store, emptySnapshot(), apply, (fault) => faults.push(fault))
  const leasing = upstream()
  const feeds = createGatewayFeeds({ ...live, ticketKeys: fakeTicketKeys, now, monotonic })
  const leases = createLeaseSweep({
    store,
    snapshot: live.snapshot,
    leasing,
    now,
    monotonic: () => monotonic() + clock.skip,
  })
  const revokePorts: RevokePorts = { ...live, store, feeds, leases, now, monotonic }
  let origin = ''
  const server = await serveOn(async (served) => {
    origin = served
    await store.commit({ events: [], changes: await changesOf(worldOf(origin, keys)) })
    await live.refresh()
    const authority = authorityPorts(origin, keys, live, store)
    return gatewayRoutes({
      authority,
      leasing,
      feeds,
      journal: { store, now, memory: createJournalMemory() },
      engines: createEngineReports(() => ({ again: 0, differed: 0, dropped: 0 })),
    })
  })
  const closers: (() => Promise<void>)[] = []
  const edge = { origin, folder, keys, faults, apply, closers }
  return {
    origin,
    store,
    live,
    leasing,
    feeds,
    leases,
    clock,
    faults,
    keys,
    revoke: ({ waitMs = 1000, ...ask }: Partial<RevokeAsk> & { link: string; waitMs?: number }) =>
      revoke(
        { ...revokePorts, waitMs },
        { tenant: 'a' as TenantName, reason: 'test', standing: true, by: 'lee', ...ask },
      ),
    stopServing: server.stop,
    startServing: server.start,
    link: (instance: string, gateway = 'edge', unshipped = '30s', evidence?: string) =>
      startLink(edge, instance, unshipped, evidence ?? evidenceOf(origin, gateway, instance)),
    stolen: (gateway = 'edge', evidence = evidenceOf(origin, gateway, randomUUID())) =>
      stealGateway(origin, evidence),
    caller: (tenant: string, over: CallerOver = {}) =>
      callerOf(origin, keys, tenant, { rev: live.snapshot().revision, ...over }),
    events: async (tenant: string, reason: string) =>
      (await store.audit({ tenant: tenant as TenantName, limit: 200 })).filter(
        ({ event }) => event.reason === reason,
      ),
    close: async () => {
      await Promise.all(closers.map((close) => close()))
      feeds.close()
      await server.stop()
      await live.close()
      await store.close()
      await postgres.stop()
      await rm(folder, { recursive: true })
    },
  }
}

function authorityPorts(
  origin: string,
  keys: ReadonlyMap<string, SigningKey>,
  live: Awaited<ReturnType<typeof startLiveRegistry>>,
  store: AuthorityPorts['store'],
): AuthorityPorts {
  const nowhere = async () => bad('stale', 'fetch.failed', 'nothing is reachable in this test')
  const ports: Omit<Ports, 'now' | 'signal'> = {
    fetch: nowhere,
    keys: (source) => createRemoteKeys(source, nowhere),
    spend: async () => true,
    secret: async () => undefined,
  }
  return {
    origin,
    gatewayOrigin: GATEWAY,
    now,
    newId: randomId,
    snapshot: live.snapshot,
    ageMs: live.ageMs,
    maxAgeMs: 5000,
    refresh: live.refresh,
    store,
    decide,
    attest: (tenant, compact, at, signal) =>
      attestToken(compact, tenant.trusts.values(), () => ({ ...ports, now: at, signal })),
    idpKeys: (_tenant, idp) => createRemoteKeys({ issuer: idp.issuer }, nowhere),
    signer: (tenant) => keys.get(tenant),
    replay: createReplayCache(),
    memory: createAuthorityMemory(),
    signIn: signInNowhere(() => now() / 1000),
  }
}

/** A projected service account token of one pod. */
export function evidenceOf(origin: string, name: string, pod: string, over: object = {}): string {
  return CLUSTER.sign({
    aud: [`${origin}/t/operator`],
    sub: `system:serviceaccount:apps:${name}`,
    iat: seconds() - 60,
    exp: seconds() + 3000,
    jti: randomUUID(),
    'kubernetes.io': {
      namespace: 'apps',
      serviceaccount: { name, uid: `u-${name}` },
      pod: { name: pod, uid: `uid-${pod}` },
    },
    ...over,
  })
}

type Edge = {
  readonly origin: string
  readonly faults: unknown[]
  readonly folder: string
  readonly apply: Parameters<typeof startGatewayLink>[1]['apply']
  readonly closers: (() => Promise<void>)[]
}
async function startLink(edge: Edge, instance: string, unshipped: string, shown: string) {
  const evidence = join(edge.folder, `${instance}.jwt`)
  await writeFile(evidence, shown)
  const journal = join(edge.folder, `${instance}-journal`)
  const config = { authority: edge.origin, evidence, instance, origin: GATEWAY, journal, unshipped }
  const ports = { now, monotonic, newId: randomId, newSalt: randomSalt, apply: edge.apply }
  const link = await startGatewayLink(config, { ...ports, report: (fault) => edge.faults.push(fault) })
  edge.closers.push(link.close)
  return { ...link, journal, evidence }
}

export type Answered = { readonly status: number; readonly json: Record<string, unknown> }

/** Whoever holds a gateway's credential and key: any request, with a good proof of that key. */
export type Stolen = {
  readonly jkt: string
  readonly token: string
  /** Why it got no credential, if so. */
  readonly reason: string
  readonly proof: (method: string, url: string, over?: object) => string
  readonly call: (
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answered>
  /** Opens the feed, and says nothing more. */
  readonly listen: () => Promise<AbortController>
}

async function stealGateway(origin: string, evidence: string): Promise<Stolen> {
  const key = newSigningKey()
  const proof: Stolen['proof'] = (method, url, over = {}) => proofOf(key, method, url, over)
  const form = new URLSearchParams({ evidence, instance: 'taken' })
  const answer = await fetch(`${origin}/gateway/v1/token`, {
    method: 'POST',
    body: form,
    headers: { dpop: proof('POST', `${origin}/gateway/v1/token`) },
  })
  const given = (await answer.json()) as Record<string, unknown>
  const token = String(given['access_token'])
  const ath = createHash('sha256').update(token).digest('base64url')
  return {
    jkt: key.kid,
    token,
    reason: String(given['reason']),
    proof,
    listen: async () => {
      const ending = new AbortController()
      const url = `${origin}/gateway/v1/feed`
      const headers = { authorization: `DPoP ${token}`, dpop: proof('GET', url, { ath }) }
      await fetch(url, { headers, signal: ending.signal })
      return ending
    },
    call: async (method, path, body, headers = {}) => {
      const json = body === undefined ? {} : { body: JSON.stringify(body) }
      const url = new URL(path, origin)
      const response = await fetch(url, {
        method,
        ...json,
        headers: {
          authorization: `DPoP ${token}`,
          dpop: proof(method, url.origin + url.pathname, { ath }),
          'content-type': 'application/json',
          ...headers,
        },
      })
      const text = await response.text()
      return { status: response.status, json: text === '' ? {} : JSON.parse(text) }
    },
  }
}

export function proofOf(key: SigningKey, method: string, url: string, over: object = {}): string {
  const { kty, crv, x, y } = key.jwk
  const header = { alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } }
  const claims = { jti: randomUUID(), htm: method, htu: url, iat: seconds(), ...over }
  return signJws(JSON.stringify(header), JSON.stringify(claims), key.key, 'ES256')
}

export type CallerOver = {
  readonly rev?: number
  readonly resource?: string
  readonly claims?: object
  readonly session?: string
}
/** An agent with a user's token for one resource of one tenant: what passes through a gateway. */
function callerOf(origin: string, keys: ReadonlyMap<string, SigningKey>, tenant: string, over: CallerOver) {
  const own = newSigningKey()
  const signing = keys.get(tenant) ?? newSigningKey()
  const { resource = 'orders', claims = {}, session = randomId('session'), rev } = over
  const aud = uriOf(tenant, resource)
  const user = ana(tenant)
  const token = signJwt(
    {
      iss: `${origin}/t/${tenant}`,
      sub: user,
      aud,
      client_id: `${tenant}/bot`,
      iat: seconds() - 1,
      exp: seconds() + 300,
      jti: randomId('token'),
      sid: session,
      rev,
      lin: [`agent:${tenant}/bot`, `user:${user}`, `session:${session}`, `key:${own.kid}`],
      chn: [`${tenant}/bot`],
      prf: 'attested',
      cnf: { jkt: own.kid },
      ...claims,
    },
    { key: signing.key, kid: signing.kid, typ: 'at+jwt' },
  )
  const ath = createHash('sha256').update(token).digest('base64url')
  const present = (proofClaims: object = {}) => ({
    authorization: `DPoP ${token}`,
    dpop: proofOf(own, 'POST', aud, { ath, ...proofClaims }),
    method: 'POST',
    url: aud,
  })
  const ask = (more: Partial<CredentialAsk> = {}): CredentialAsk => ({
    tenant: tenant as TenantName,
    resource,
    tool: resource === 'orders' ? 'get_order' : 'search',
    input: {},
    decision: randomId('decision') as DecisionId,
    presented: present(),
    ...more,
  })
  return { token, aud, session, jkt: own.kid, present, ask }
}
