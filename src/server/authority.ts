import { chmod, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { applyChanges } from '../core/apply-changes.ts'
import type { HeldSecrets } from '../core/held.ts'
import { seconds } from '../core/identity/name.ts'
import { emptySnapshot } from '../core/snapshot.ts'
import { credentialProviders } from '../credentials/registry.ts'
import { acceptDefinition } from '../flows/accept-definition.ts'
import type { AuthorityPorts } from '../flows/authority.ts'
import { createAuthorityMemory } from '../flows/authority-memory.ts'
import { createEngineReports, type EngineReports } from '../flows/engine-reports.ts'
import { createGatewayFeeds, type GatewayFeeds } from '../flows/feed-gateway.ts'
import { createHeldSecrets } from '../flows/held-secrets.ts'
import { liftQuarantine } from '../flows/quarantine-policies.ts'
import { restore } from '../flows/restore.ts'
import { revoke } from '../flows/revoke.ts'
import { createLeaseSweep, type LeaseSweep, startLeaseSweep } from '../flows/sweep-leases.ts'
import { createJournalMemory } from '../flows/take-journal.ts'
import { openCedar } from '../lib/cedar/cedar.ts'
import { createGuardedFetch } from '../lib/guarded-fetch.ts'
import type { Route } from '../lib/http/route.ts'
import { serveRoutes } from '../lib/http/server.ts'
import { createReplayCache } from '../lib/jose/dpop-replay.ts'
import { createKeyRing, createRemoteKeys } from '../lib/jose/remote-keys.ts'
import { newSigningKey } from '../lib/jose/signing-key.ts'
import { createOpenIdClient } from '../lib/openid-client.ts'
import type { AdminPorts } from '../protocols/admin/ports.ts'
import { adminRoutes, adminSocketRoutes } from '../protocols/admin/routes.ts'
import { authzenRoutes } from '../protocols/authzen/routes.ts'
import { gatewayRoutes } from '../protocols/gateway/routes.ts'
import { authorizeRoutes } from '../protocols/oauth/authorize-routes.ts'
import { connectRoutes } from '../protocols/oauth/connect-routes.ts'
import { oauthRoutes } from '../protocols/oauth/routes.ts'
import { leaseRoutes } from '../protocols/postgres/lease-route.ts'
import { factRoutes } from '../protocols/posture/fact-route.ts'
import { createPostgresStore } from '../stores/postgres/store/create.ts'
import { randomId } from '../stores/postgres/store/random.ts'
import { type Checkpointer, openCheckpointer } from './audit-log-key.ts'
import { applyPorts } from './conditions.ts'
import type { AuthorityConfig } from './config.ts'
import { connectPorts } from './connect-ports.ts'
import { openDatabase } from './database.ts'
import { openAuthorityEngine } from './engines.ts'
import { checkPlace, GRACE_MS, openDoor } from './listen.ts'
import { type LiveRegistry, startLiveRegistry } from './live-registry.ts'
import { ownFolder } from './own-folder.ts'
import { attestWith, idpKeysWith, leasingWith, type Providers, secretsIn, wallClock } from './plug-ins.ts'
import { registryPorts } from './registry-ports.ts'
import { rootsOf } from './roots.ts'
import { openSealingKeys } from './sealing-keys.ts'
import { type KeyTending, tendTenantKeys } from './tend-keys.ts'
import { openTicketKeys, type TicketKeys } from './ticket-keys.ts'
import { openTokenKeys, type TokenKeys } from './token-keys.ts'
import { openTurns } from './turns.ts'

/** A running role: where it listens, what it serves there, and how it ends. */
export type Running = {
  readonly facts: Readonly<Record<string, unknown>>
  /** The whole table of its address, and of its unix socket where it has one: nothing else is answered. */
  readonly routes: { readonly address: readonly Route[]; readonly socket: readonly Route[] }
  /** Reads the files of `tls` again, for connections from now on. Throws BadConfig, and keeps the old ones. */
  readonly renew: () => void
  readonly close: () => Promise<void>
}

/** What is opened is closed in the opposite order, also when the start fails half-way. */
type Closers = (() => Promise<unknown> | unknown)[]

/**
 * Starts an authority: database, keys, registry, then its doors. Throws with a stable reason when something can't be had, and what
 * `signal` gives when it ends the start; what was opened by then is closed.
 */
export async function startAuthority(
  config: AuthorityConfig,
  log: Logger,
  signal: AbortSignal = new AbortController().signal,
): Promise<Running> {
  const closers: Closers = []
  const close = async () => {
    for (const end of closers.splice(0).reverse()) await end()
  }
  try {
    return { ...(await open(config, log, closers, signal)), close }
  } catch (error) {
    await close().catch((after: unknown) => log.error({ err: after }, 'closing after a failed start'))
    throw error
  }
}

async function open(
  config: AuthorityConfig,
  log: Logger,
  closers: Closers,
  signal: AbortSignal,
): Promise<Omit<Running, 'close'>> {
  const fault = (error: unknown) => log.error({ err: error }, 'fault')
  const keysFolder = config.keys ?? join(config.folder, 'keys')
  // What is quickly seen to be wrong is said before the database takes its seconds.
  await checkPlace('authority', config)
  await ownFolder(config.folder)
  const database = await openDatabase(config.folder, config.database_url, fault, signal)
  closers.push(database.close)
  const store = await createPostgresStore({
    pool: database.pool,
    now: wallClock,
    newId: randomId,
    onFault: fault,
  })
  closers.push(() => store.close())
  const conditions = applyPorts()
  const live = await startLiveRegistry(
    store,
    emptySnapshot(),
    (snapshot, changes) => applyChanges(snapshot, changes, conditions),
    fault,
  )
  closers.push(live.close)
  const keys = await openTokenKeys(join(keysFolder, 'tokens'), {
    store,
    snapshot: live.snapshot,
    refresh: live.refresh,
    now: wallClock,
  })
  const tending = await tendTenantKeys(keys, live, fault)
  closers.push(tending.close)
  const checkpointer = await openCheckpointer(keysFolder, config.log_name, store)
  const ticketKeys = await openTicketKeys(keysFolder, wallClock)
  const roots = await openSealingKeys(join(keysFolder, 'sealing.key'), config.sealing_keys, process.env)
  signal.throwIfAborted()
  const parts: Parts = {
    config,
    store,
    live,
    keys,
    tending,
    checkpointer,
    ticketKeys,
    held: createHeldSecrets(store, roots),
    providers: credentialProviders(),
    log,
    fault,
    closers,
  }
  const { routes, socketRoutes, endFeeds } = assemble(parts)
  const shared = openTurns(config.limits, {
    snapshot: live.snapshot,
    now: wallClock,
    record: (draft) => store.commit({ events: [draft] }),
    fault,
  })
  closers.push(shared.close)
  const door = await openDoor('authority', config, routes, fault, shared.turns)
  closers.push(door.close)
  const socket = await listenOnSocket(config, socketRoutes, fault, closers)
  // Closed first: a server waits for what is under way, and a feed never ends by itself.
  closers.push(endFeeds)
  const facts = {
    role: 'authority',
    host: door.host,
    port: door.port,
    origin: config.origin,
    socket,
    database: database.kind,
    log_key: checkpointer.logKey,
  }
  return { facts, routes: { address: routes, socket: socketRoutes }, renew: door.renew }
}

type Parts = {
  readonly config: AuthorityConfig
  readonly store: Awaited<ReturnType<typeof createPostgresStore>>
  readonly live: LiveRegistry
  readonly keys: TokenKeys
  readonly tending: KeyTending
  readonly checkpointer: Checkpointer
  readonly ticketKeys: TicketKeys
  readonly held: HeldSecrets
  readonly providers: Providers
  readonly log: Logger
  readonly fault: (error: unknown) => void
  readonly closers: Closers
}

const monotonic = () => performance.now()

/** Every port filled: the one place that knows all sides. */
function assemble(parts: Parts): {
  readonly routes: readonly Route[]
  readonly socketRoutes: readonly Route[]
  readonly endFeeds: () => void
} {
  const { live, store, keys, closers, config, providers, fault } = parts
  const fetch = createGuardedFetch({ allow: config.allow_private })
  const ring = createKeyRing(fetch)
  const doubts = { store, snapshot: live.snapshot, refresh: live.refresh, now: wallClock }
  const engine = openAuthorityEngine(config.ask_again, doubts, parts.log)
  closers.push(engine.close)
  const engines = createEngineReports(engine.counts)
  const authority: AuthorityPorts = {
    origin: config.origin,
    gatewayOrigin: config.gateway_origin,
    now: wallClock,
    newId: randomId,
    snapshot: live.snapshot,
    ageMs: live.ageMs,
    maxAgeMs: seconds(config.staleness) * 1000,
    refresh: live.refresh,
    store,
    decide: engine.decide,
    attest: attestWith({ store, ring, fetch, secrets: config.secrets }),
    idpKeys: idpKeysWith(ring),
    signer: keys.signerFor,
    replay: createReplayCache(),
    memory: createAuthorityMemory(),
    signIn: { kept: store, openId: createOpenIdClient(fetch, wallClock), fetch },
  }
  const { held } = parts
  const secret = secretsIn(config.secrets)
  const issuing = { providers, origin: config.origin, signer: keys.signerFor, now: wallClock }
  const leasing = leasingWith({ ...issuing, fetch, held, secret })
  closers.push(async () => {
    for (const provider of providers.values()) await provider.close?.()
  })
  const feeds = createGatewayFeeds({ ...live, ticketKeys: parts.ticketKeys, now: wallClock, monotonic })
  const leases = createLeaseSweep({
    store,
    snapshot: live.snapshot,
    now: wallClock,
    monotonic,
    leasing,
  })
  closers.push(startLeaseSweep(leases, live.onChange, fault))
  const journal = { store, now: wallClock, memory: createJournalMemory() }
  const admin = adminPorts(parts, { feeds, leases, fetch, engines })
  const connect = connectPorts({ providers, held, secret, store, revoke: admin.revoke })
  const shared = [
    ...oauthRoutes(authority),
    ...authorizeRoutes(authority, connect),
    ...connectRoutes(authority, connect),
    ...leaseRoutes(authority, leasing),
    ...factRoutes(authority),
    ...authzenRoutes(authority),
    ...gatewayRoutes({ authority, leasing, feeds, journal, engines }),
  ]
  const routes = [...shared, ...adminRoutes(admin)]
  return { routes, socketRoutes: adminSocketRoutes(admin), endFeeds: feeds.close }
}

function adminPorts(
  parts: Parts,
  {
    feeds,
    leases,
    fetch,
    engines,
  }: {
    readonly feeds: GatewayFeeds
    readonly leases: LeaseSweep
    readonly fetch: ReturnType<typeof createGuardedFetch>
    readonly engines: EngineReports
  },
): AdminPorts {
  const { live, tending, store, config, checkpointer, providers, closers } = parts
  const cedar = openCedar()
  closers.push(() => cedar.close())
  const shared = { store, snapshot: live.snapshot, refresh: live.refresh, now: wallClock, monotonic }
  return {
    origin: config.origin,
    now: wallClock,
    newId: randomId,
    snapshot: live.snapshot,
    adminKey: newSigningKey(),
    ...adminIssuer(config, fetch),
    registry: registryPorts({ origin: config.origin, live, tending, store, cedar, providers }),
    store,
    checkpoints: checkpointer,
    revoke: (ask) => revoke({ ...shared, feeds, leases }, ask),
    restore: (ask) => restore(shared, ask),
    lift: (ask) => liftQuarantine(shared, ask),
    accept: (ask) => acceptDefinition(shared, ask),
    engines: engines.lines,
    gateways: feeds.connected,
    roots: async () => rootsOf(config, live.snapshot()),
  }
}

function adminIssuer(
  config: AuthorityConfig,
  fetch: ReturnType<typeof createGuardedFetch>,
): Pick<AdminPorts, 'admins'> {
  const { admins } = config
  if (!admins) return {}
  const { issuer, audience, subjects, jwks_uri: jwksUri, ca, allow_private: allow } = admins
  const source = {
    issuer,
    allow,
    ...(jwksUri === undefined ? {} : { jwksUri }),
    ...(ca === undefined ? {} : { ca }),
  }
  return { admins: { issuer, audience, subjects, keys: createRemoteKeys(source, fetch) } }
}

/** The way in for an administrator on this machine: whoever can open a socket in the 0700 folder is one. */
async function listenOnSocket(
  config: AuthorityConfig,
  routes: readonly Route[],
  fault: (error: unknown) => void,
  closers: Closers,
): Promise<string> {
  const path = join(config.folder, 'admin.sock')
  await rm(path, { force: true })
  const limits = { grace: GRACE_MS }
  const server = await serveRoutes(routes, { host: '', port: 0, path, limits, onFault: fault })
  closers.push(server.close)
  await chmod(path, 0o600)
  return path
}
