import type { AuditDraft } from '../core/audit/audit-event.ts'
import type { DefinitionVerdicts, SeenDefinitions } from '../core/enforcement.ts'
import { OPERATOR } from '../core/identity/tenant.ts'
import type { Revision } from '../core/ids.ts'
import { canonicalDefinition, type Definition } from '../core/policy/definition.ts'
import type { Store } from '../core/ports.ts'
import { type Refusal, refuse, Unavailable } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Snapshot, TenantSnapshot } from '../core/snapshot.ts'
import type { Clock, EpochMillis } from '../core/time.ts'
import { type AuthorizedGateway, serves } from './authorize-gateway.ts'

export type DefinitionPorts = {
  readonly store: Pick<Store, 'commit'>
  readonly snapshot: () => Snapshot
  readonly refresh: () => Promise<void>
  readonly now: Clock
}

/** A server that says something else each time changes the registry once in so many milliseconds, not each time. */
const SETTLE_MS = 60_000
/** Other changes of the registry that may come between before this one gives up. */
const TRIES = 8

/**
 * Takes a gateway's word for what a server behind says of its tools. The first definition of a tool counts from now on, where the resource
 * lets it; one that differs from what was accepted waits for a person, with an alarm, and from this revision on the tool is refused at
 * every gateway. All that a stolen gateway gets is that tools of resources it serves are refused until a person has looked, or that the
 * true first definition is taken for a change. Refuses `gateway.not_listed`, recorded as an alarm for the operator.
 */
export async function takeDefinitions(
  ports: DefinitionPorts,
  { gateway, instance }: AuthorizedGateway,
  report: SeenDefinitions,
): Promise<Result<DefinitionVerdicts, Refusal>> {
  const { tenant, resource } = report
  const noticed = { gateway: gateway.gateway, instance }
  const known = ports.snapshot().tenants.get(tenant)?.resources.get(resource)?.resource
  if (serves(gateway, tenant, resource) && known?.type === 'mcp') return keep(ports, report, noticed)
  const event = { tenant: OPERATOR, at: ports.now(), kind: 'alarm', outcome: 'deny' } as const
  const facts = { ...noticed, asked: `${tenant}/${resource}`.slice(0, 200) }
  await ports.store.commit({ events: [{ ...event, reason: NOT_LISTED.reason, facts }] })
  return err(NOT_LISTED)
}

const NOT_LISTED = refuse('unknown', 'gateway.not_listed', 'This gateway serves no such resource.')

async function keep(
  ports: DefinitionPorts,
  report: SeenDefinitions,
  noticed: NonNullable<AuditDraft['facts']>,
): Promise<Result<DefinitionVerdicts, Refusal>> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const snapshot = ports.snapshot()
    const tenant = snapshot.tenants.get(report.tenant)
    if (!tenant) return err(NOT_LISTED)
    const news = newsOf(tenant, report, ports.now())
    const after = (action: string) =>
      news.findLast(({ name }) => name === action)?.doc ?? tenant.definitions.get(action)
    if (news.length === 0) return ok(verdicts(snapshot.revision, report, after))
    const written = await ports.store.commit({
      events: news.map((each) => eventOf(report, each, ports.now(), noticed)),
      changes: news.map(({ name, doc }) => ({ tenant: report.tenant, kind: 'definition', name, doc })),
      // What was accepted meanwhile, here or elsewhere, must be compared with, not written over.
      ifRevision: snapshot.revision,
    })
    await ports.refresh()
    if (written.done) return ok(verdicts(written.revision, report, after))
  }
  throw new Unavailable('store.conflict', 'the registry changed too often to keep what was seen')
}

type News = { readonly name: string; readonly tool: string; readonly doc: Definition; readonly why: Why }
type Why = 'definition.first_seen' | 'definition.changed' | 'definition.waiting'

/** One news for each tool: of two definitions under one name the second is a change of the first. */
function newsOf(tenant: TenantSnapshot, report: SeenDefinitions, now: EpochMillis): readonly News[] {
  const known = tenant.resources.get(report.resource)
  const news = new Map<string, News>()
  for (const { tool, definition } of report.seen) {
    if (!known?.tools.has(tool) || known.resource.type !== 'mcp') continue
    const name = `${report.resource}/${tool}`
    const seen = canonicalDefinition(definition)
    const before = news.get(name)?.doc ?? tenant.definitions.get(name)
    const next = seen && withSeen(before, { ...seen, at: now }, known.resource.definitions)
    if (next) news.set(name, { name, tool, ...next, doc: { definition: name, ...next.doc } })
  }
  return [...news.values()]
}

type Seen = NonNullable<Definition['waiting']>

/** The document after one more look; nothing where it says nothing new. */
function withSeen(
  before: Definition | undefined,
  seen: Seen,
  mode: 'first-seen' | 'accepted-only' = 'first-seen',
): { readonly doc: Omit<Definition, 'definition'>; readonly why: Why } | undefined {
  const { accepted, waiting } = before ?? {}
  if (!accepted && !waiting && mode === 'first-seen')
    return { doc: { accepted: { ...seen, by: 'first-seen' } }, why: 'definition.first_seen' }
  // One that waits stays until a person has looked, also when the server goes back to what was accepted: it may show others the other one.
  if (accepted?.sha256 === seen.sha256 || waiting?.sha256 === seen.sha256) return undefined
  if (waiting && seen.at - waiting.at < SETTLE_MS) return undefined
  const doc = accepted ? { accepted, waiting: seen } : { waiting: seen }
  return { doc, why: accepted ? 'definition.changed' : 'definition.waiting' }
}

function eventOf(
  { tenant, resource }: SeenDefinitions,
  { tool, doc: { accepted, waiting }, why }: News,
  at: EpochMillis,
  noticed: NonNullable<AuditDraft['facts']>,
): AuditDraft {
  const was = accepted && waiting ? { accepted: accepted.sha256 } : {}
  const facts = { ...noticed, ...was, seen: (waiting ?? accepted)?.sha256 ?? '' }
  const event = { tenant, at, resource, tool, facts } as const
  if (why === 'definition.changed') return { ...event, kind: 'alarm', outcome: 'failed', reason: why }
  return { ...event, kind: 'gateway', outcome: 'done', reason: why }
}

function verdicts(
  revision: Revision,
  { resource, seen }: SeenDefinitions,
  after: (action: string) => Definition | undefined,
): DefinitionVerdicts {
  const tools = [...new Set(seen.map(({ tool }) => tool))].map((tool) => {
    const doc = after(`${resource}/${tool}`)
    return doc?.accepted && !doc.waiting ? { tool, sha256: doc.accepted.sha256 } : { tool }
  })
  return { revision, tools }
}
