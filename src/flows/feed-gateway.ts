import { type Documents, documentKey } from '../core/documents.ts'
import { type GatewayView, nextView, openView, type ViewStep } from '../core/gateway-view.ts'
import type { Gateway } from '../core/identity/gateway.ts'
import type { Revision, TenantName } from '../core/ids.ts'
import type { Change, DocumentKind } from '../core/registry.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { TICKET_DAY, type TicketKey } from '../core/ticket-key.ts'
import { type Clock, toSeconds } from '../core/time.ts'
import { type AuthorizedGateway, gatewayStands } from './authorize-gateway.ts'

type Listed = { readonly tenants: readonly string[]; readonly resources?: readonly string[] }

/** What a gateway is told, one message a line. `documents` replaces everything it knew; `changes` may be empty: the revision moves on. */
export type FeedMessage =
  | ({
      readonly type: 'documents'
      readonly revision: Revision
      readonly changes: readonly Change[]
    } & Listed)
  | ({ readonly type: 'changes'; readonly revision: Revision; readonly changes: readonly Change[] } & Listed)
  /** The ticket keys of its tenants, in place of those it had. */
  | { readonly type: 'ticket-keys'; readonly tenants: Readonly<Record<string, readonly TicketKey[]>> }
  /** The database said within the last second that this revision is the newest. */
  | { readonly type: 'heartbeat'; readonly revision: Revision }
  /** Nothing follows. `reason` is a code of docs/errors.md. */
  | { readonly type: 'end'; readonly reason: string }

/** The authority's own view of the registry, and its clocks. `monotonic` in ms. */
export type FeedPorts = {
  readonly snapshot: () => Snapshot
  readonly documents: () => Documents
  /** Milliseconds since the database last said that the snapshot is current. */
  readonly ageMs: () => number
  readonly onChange: (listener: (changes: readonly Change[], revision: Revision) => void) => () => void
  readonly onConfirmed: (listener: (revision: Revision) => void) => () => void
  readonly ticketKeys: (tenant: TenantName) => readonly TicketKey[]
  readonly now: Clock
  readonly monotonic: () => number
}

/** A gateway instance that listens now. `ms`: from the push of that revision to its acknowledgement. */
export type ConnectedGateway = {
  readonly gateway: string
  readonly instance: string
  readonly key: string
  readonly revision: Revision
  readonly ms?: number
  readonly connectedMs: number
}
/** `ms` is missing when no acknowledgement came in time. */
export type Acknowledgement = { readonly gateway: string; readonly instance: string; readonly ms?: number }
export type DocumentName = { readonly tenant: TenantName; readonly kind: DocumentKind; readonly name: string }

export type GatewayFeeds = {
  /** Sends everything at once, then what changes. `send` is not called any more after `end`. Returns a function that stops it. */
  readonly open: (gateway: AuthorizedGateway, send: (message: FeedMessage) => void) => () => void
  readonly acknowledge: (gateway: AuthorizedGateway, revision: Revision) => void
  readonly connected: () => readonly ConnectedGateway[]
  /** Waits until all who see the document have acknowledged the revision, `withinMs` at most. */
  readonly acknowledged: (
    document: DocumentName,
    revision: Revision,
    withinMs: number,
  ) => Promise<readonly Acknowledgement[]>
  readonly close: () => void
}

type Push = {
  readonly revision: Revision
  readonly at: number
  readonly settled: PromiseWithResolvers<number | undefined>
}
type Connection = {
  readonly authorized: AuthorizedGateway
  readonly send: (message: FeedMessage) => void
  readonly since: number
  /** What it was shown, as of the last message. */
  view: GatewayView
  /** Not acknowledged yet, oldest first. */
  pushes: Push[]
  acked: { readonly revision: Revision; readonly ms?: number }
  /** Of which day and tenants it was given the ticket keys. */
  keyed: string
  readonly stop: (reason?: string) => void
}

/** Pushes that may wait for an acknowledgement; one that is behind by more is told from its age, not from this list. */
const MAX_PUSHES = 256
/** Between heartbeats, in ms: a busy authority reads the database far more often. */
const HEARTBEAT_MS = 500
/** How long ago the database may have confirmed what a heartbeat says (ARCHITECTURE §9). */
const CONFIRMED_MS = 1000

/** Keeps every connected gateway up to date with exactly what its entry lets it see (ARCHITECTURE §9). */
export function createGatewayFeeds(ports: FeedPorts): GatewayFeeds {
  const connections = new Set<Connection>()
  const view = createView(ports)
  let beat = -Infinity
  const stopChanges = ports.onChange((changes, revision) => {
    const step = createStep(ports, changes, revision)
    for (const connection of [...connections]) pushChanges(ports, step, connection, revision)
  })
  const stopConfirmed = ports.onConfirmed((revision) => {
    if (ports.monotonic() - beat < HEARTBEAT_MS) return
    beat = ports.monotonic()
    for (const each of [...connections]) {
      sendTicketKeys(ports, each)
      each.send({ type: 'heartbeat', revision })
    }
  })
  return {
    open: (authorized, send) => openConnection(ports, view, connections, authorized, send),
    acknowledge: ({ jkt }, revision) => {
      for (const each of connections)
        if (each.authorized.jkt === jkt) settle(each, revision, ports.monotonic())
    },
    connected: () => [...connections].map((each) => describe(each, ports.monotonic())),
    acknowledged: (document, revision, withinMs) =>
      Promise.all(
        [...connections]
          .filter(({ view: { shown } }) =>
            shown.has(documentKey(document.tenant, document.kind, document.name)),
          )
          .map((each) => waitFor(each, revision, withinMs)),
      ),
    close: () => {
      stopChanges()
      stopConfirmed()
      for (const { stop } of [...connections]) stop('gateway.authority_closing')
    },
  }
}

type View = (gateway: Gateway) => GatewayView

/** Instances of one gateway see the same, so it is worked out once for each version of the registry and of its entry. */
function createView(ports: FeedPorts): View {
  let of: Documents | undefined
  let views = new Map<Gateway, GatewayView>()
  return (gateway) => {
    const documents = ports.documents()
    if (documents !== of) {
      of = documents
      views = new Map()
    }
    const found = views.get(gateway) ?? openView(gateway, documents)
    views.set(gateway, found)
    return found
  }
}

type Step = (view: GatewayView, gateway: Gateway) => ViewStep

/** What some changes make of a view: once for all instances that hold it. */
function createStep(ports: FeedPorts, changes: readonly Change[], revision: Revision): Step {
  const steps = new Map<GatewayView, ViewStep>()
  return (view, gateway) => {
    const found = steps.get(view) ?? nextView(view, gateway, ports.documents(), changes, revision)
    steps.set(view, found)
    return found
  }
}

function openConnection(
  ports: FeedPorts,
  view: View,
  connections: Set<Connection>,
  authorized: AuthorizedGateway,
  send: (message: FeedMessage) => void,
): () => void {
  for (const each of [...connections]) {
    if (each.authorized.jkt === authorized.jkt) each.stop('gateway.feed_replaced')
  }
  const life = authorized.expires * 1000 - ports.now()
  const timer = setTimeout(() => stop('gateway.token_expired'), Math.max(0, life))
  timer.unref()
  const stop = (reason?: string): void => {
    clearTimeout(timer)
    if (!connections.delete(connection)) return
    for (const { settled } of connection.pushes) settled.resolve(undefined)
    if (reason !== undefined) send({ type: 'end', reason })
  }
  const { revision } = ports.snapshot()
  const seen = view(authorized.gateway)
  const since = ports.monotonic()
  const connection: Connection = {
    authorized,
    send,
    since,
    view: seen,
    pushes: [newPush(revision, since)],
    acked: { revision: 0 as Revision },
    keyed: '',
    stop,
  }
  connections.add(connection)
  const all = [...seen.shown.values()].sort((a, b) => a.revision - b.revision)
  send({ type: 'documents', revision, changes: all, ...listed(authorized.gateway) })
  sendTicketKeys(ports, connection)
  if (ports.ageMs() < CONFIRMED_MS) send({ type: 'heartbeat', revision })
  return () => stop()
}

function pushChanges(ports: FeedPorts, step: Step, connection: Connection, revision: Revision): void {
  const { authorized, send, stop } = connection
  const stands = gatewayStands(ports.snapshot(), { ...authorized, name: authorized.gateway.gateway })
  if (!stands.ok) {
    stop(stands.error.reason)
    return
  }
  const { view, changes } = step(connection.view, stands.value)
  connection.view = view
  connection.pushes.push(newPush(revision, ports.monotonic()))
  if (connection.pushes.length > MAX_PUSHES) connection.pushes.shift()?.settled.resolve(undefined)
  send({ type: 'changes', revision, changes, ...listed(stands.value) })
  sendTicketKeys(ports, connection)
}

/** When it is another day, or the gateway is listed for other tenants. Of a tenant that is no longer listed it keeps nothing. */
function sendTicketKeys({ now, ticketKeys }: FeedPorts, connection: Connection): void {
  const { tenants } = connection.view.gateway
  const keyed = `${Math.floor(toSeconds(now()) / TICKET_DAY)} ${tenants.join(' ')}`
  if (keyed === connection.keyed) return
  connection.keyed = keyed
  const keys = tenants.map((tenant) => [tenant, ticketKeys(tenant as TenantName)] as const)
  connection.send({ type: 'ticket-keys', tenants: Object.fromEntries(keys) })
}

function listed({ tenants, resources }: Gateway): Listed {
  return resources === undefined ? { tenants } : { tenants, resources }
}

function newPush(revision: Revision, at: number): Push {
  return { revision, at, settled: Promise.withResolvers() }
}

/** An acknowledgement covers everything before it; one of a revision that was never pushed is nothing. */
function settle(connection: Connection, revision: Revision, now: number): void {
  const done = connection.pushes.filter((push) => push.revision <= revision)
  connection.pushes = connection.pushes.filter((push) => push.revision > revision)
  for (const push of done) {
    const ms = now - push.at
    connection.acked = { revision: push.revision, ms }
    push.settled.resolve(ms)
  }
}

async function waitFor(
  connection: Connection,
  revision: Revision,
  withinMs: number,
): Promise<Acknowledgement> {
  const { gateway, instance } = connection.authorized
  const who = { gateway: gateway.gateway, instance }
  const push = connection.pushes.find((each) => each.revision >= revision)
  if (!push) {
    const { acked } = connection
    return acked.revision >= revision && acked.ms !== undefined ? { ...who, ms: acked.ms } : who
  }
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => late.resolve(undefined), withinMs)
  const ms = await Promise.race([push.settled.promise, late.promise])
  clearTimeout(timer)
  return ms === undefined ? who : { ...who, ms }
}

function describe({ authorized, acked, since }: Connection, now: number): ConnectedGateway {
  const { gateway, instance, jkt } = authorized
  const base = { gateway: gateway.gateway, instance, key: jkt, connectedMs: now - since }
  return { ...base, ...acked }
}
