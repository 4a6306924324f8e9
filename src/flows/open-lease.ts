import type { AuditDraft } from '../core/audit/audit-event.ts'
import type { Credential } from '../core/credential/credential.ts'
import type { Lease } from '../core/credential/lease.ts'
import type { UpstreamChallenge } from '../core/credential/upstream-challenge.ts'
import type { Agent } from '../core/identity/agent.ts'
import { seconds } from '../core/identity/name.ts'
import type { User } from '../core/identity/user.ts'
import { splitAgentId } from '../core/ids.ts'
import { type Link, link } from '../core/lifecycle/revocation.ts'
import { isDeclared } from '../core/policy/built-in-resources.ts'
import type { Allow } from '../core/policy/decision.ts'
import type { Resource } from '../core/policy/resource.ts'
import type { Tool } from '../core/policy/tool.ts'
import { type Refusal, refuse, Unavailable } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { TenantSnapshot } from '../core/snapshot.ts'
import { type EpochSeconds, epochSeconds } from '../core/time.ts'
import type { AuthorityView } from './authority.ts'
import { leaseOver } from './lease-over.ts'
import type { PresentedCaller } from './present-token.ts'
import { raiseLabels } from './raise-label.ts'
import { decisionEvent } from './record-decision.ts'

/** What is asked of a credential provider; the composition root finds the plug-in by the tenant's settings. */
export type IssueAsk = {
  readonly allow: Allow
  readonly lease: Lease
  readonly resource: Resource
  readonly tools: readonly Tool[]
  readonly agent: Agent
  readonly user?: User
  readonly challenge?: UpstreamChallenge
}
export type LeasingPorts = {
  readonly issue: (tenant: TenantSnapshot, ask: IssueAsk) => Promise<Result<Credential, Refusal>>
  readonly end: (tenant: TenantSnapshot, lease: Lease) => Promise<Result<void, Refusal>>
}

/** A tool, and the decision that allowed it. Without a tool the decision is to enter: it spends nothing, since it permits no call. */
export type Permitted = { readonly tool?: Tool; readonly decision: Allow }
export type Leased = { readonly lease: Lease; readonly credential: Credential }
type Facts = NonNullable<AuditDraft['facts']>

/**
 * The order that keeps credentials safe (ARCHITECTURE §2.4): decisions, the spend of a single-use token and the pending lease are one
 * commit, with the labels that the session gets by it; only then is the credential made; it is handed out only once its handle is recorded and nothing ended meanwhile. `facts` go
 * into the decision's events;
 * `challenge` is what the server behind said to the credential before.
 */
export async function openLease(
  view: AuthorityView,
  caller: PresentedCaller,
  permitted: readonly Permitted[],
  ports: LeasingPorts,
  facts: Facts = {},
  challenge?: UpstreamChallenge,
): Promise<Result<Leased, Refusal>> {
  const [first] = permitted
  const { resource } = caller.known
  if (!first || !isDeclared(resource) || !resource.credential) {
    return err(refuse('denied', 'lease.no_provider', 'This resource has no credential provider.'))
  }
  const lease = leaseFor(view, caller, resource, first.decision)
  if (lease.expires <= view.now)
    return err(refuse('stale', 'lease.no_time', 'What the lease would stand on has ended.'))
  const events = permitted.map(({ decision }) => {
    const event = decisionEvent(view, decision)
    return { ...event, lease: lease.id, facts: { ...event.facts, ...facts } }
  })
  // Recorded as pending before anything exists at the target: a crash leaves a row that the sweep ends.
  const spend = first.tool ? spendOf(view, caller) : {}
  // In the same commit: nobody holds the credential of a session that doesn't carry its label (ARCHITECTURE §4).
  const raised = raiseLabels(view, caller.access.chain, resource, first.decision)
  const written = await view.ports.store.commit({
    events: [...events, ...raised.events],
    ...(raised.changes.length > 0 ? { changes: raised.changes } : {}),
    lease: { open: lease },
    ...spend,
  })
  if (!written.done) {
    const refused = events.map(
      ({ lease: _lease, ...event }) => ({ ...event, outcome: 'deny', reason: SPENT.reason }) as const,
    )
    await view.ports.store.commit({ events: refused })
    return err(SPENT)
  }
  const issued = await ports.issue(view.tenant, {
    allow: first.decision,
    lease,
    resource,
    tools: permitted.flatMap(({ tool }) => tool ?? []),
    ...principals(view, caller),
    ...(challenge === undefined ? {} : { challenge }),
  })
  if (issued.ok) return activate(view, lease, issued.value, permitted.length, ports)
  const failed = leaseEvent(view, lease, 'failed', issued.error.reason, 0)
  await view.ports.store.commit({ events: [failed], lease: { end: { tenant: view.name, id: lease.id } } })
  return issued
}

export const SPENT = refuse('stale', 'token.spent', 'This token was good for one use, and was used.')

/** What spends a single-use token everywhere, until it would have ended anyway; nothing for others. */
export function spendOf(view: AuthorityView, { access }: PresentedCaller) {
  if (!access.once) return {}
  return { spend: { tenant: view.name, key: `once:${access.jti}`, expires: access.chain.expires } }
}

async function activate(
  view: AuthorityView,
  lease: Lease,
  credential: Credential,
  tools: number,
  ports: LeasingPorts,
): Promise<Result<Leased, Refusal>> {
  const { handle } = credential
  const active: Lease = { ...lease, handle, state: 'active' }
  const written = await view.ports.store.commit({
    events: [leaseEvent(view, lease, 'done', 'lease.issued', tools)],
    lease: { activate: { tenant: view.name, id: lease.id, handle } },
  })
  const over = leaseOver(view.ports.snapshot(), active)
  if (written.done && over === undefined) return ok({ lease: active, credential })
  // Ended between the decision and now: what was just made must not be handed out. What fails here, the sweep ends.
  const ended = await ports.end(view.tenant, active)
  if (ended.ok) {
    const event = leaseEvent(view, lease, 'done', over ?? 'lease.ended', 0)
    await view.ports.store.commit({ events: [event], lease: { end: { tenant: view.name, id: lease.id } } })
  }
  return err(refuse('stale', 'chain.revoked', 'Access ended while the credential was being made.'))
}

function leaseFor(view: AuthorityView, caller: PresentedCaller, resource: Resource, allow: Allow): Lease {
  const { chain } = caller.access
  const id = view.ports.newId('lease') as Lease['id']
  const { delegation } = allow.explanation
  const links: Link[] = [...chain.links, link('resource', resource.resource), link('lease', id)]
  if (delegation !== undefined) links.push(link('delegation', delegation))
  return {
    id,
    tenant: view.name,
    agent: chain.agent,
    ...(chain.user === undefined ? {} : { user: chain.user }),
    session: chain.session,
    decision: allow.id,
    resource: resource.resource,
    provider: resource.credential?.provider ?? '',
    handle: '',
    links: [...new Set(links)],
    rev: chain.rev,
    expires: expiryOf(view, caller, resource, delegation),
    state: 'pending',
  }
}

/** A lease never outlives the token that asked for it, the delegation or an admission it stands on, nor what the resource says. */
function expiryOf(
  view: AuthorityView,
  { access }: PresentedCaller,
  resource: Resource,
  delegation: string | undefined,
): EpochSeconds {
  const { chain } = access
  const untils = [
    delegation === undefined ? undefined : view.tenant.delegations.get(delegation)?.until,
    ...chain.actors.map((actor) => view.tenant.admissions.get(actor)?.until),
  ]
  const ends = untils.flatMap((until) => (until === undefined ? [] : [Date.parse(until) / 1000]))
  const life = view.now + seconds(resource.credential?.life ?? '1m')
  return epochSeconds(Math.min(chain.expires, life, ...ends))
}

function principals(view: AuthorityView, caller: PresentedCaller): Pick<IssueAsk, 'agent' | 'user'> {
  const { agent, user } = caller.access.chain
  const known = view.snapshot.tenants.get(splitAgentId(agent).home)?.agents.get(agent)
  if (!known) throw new Unavailable('registry.stale', 'an agent that was allowed is not in the registry')
  const person = user === undefined ? undefined : view.tenant.users.get(user)
  return person ? { agent: known, user: person } : { agent: known }
}

function leaseEvent(
  view: AuthorityView,
  lease: Lease,
  outcome: AuditDraft['outcome'],
  reason: string,
  tools: number,
): AuditDraft {
  const { tenant, decision, agent, session, resource, id, provider, expires } = lease
  const about = { tenant, decision, agent, session, resource, lease: id, revision: view.snapshot.revision }
  return {
    ...about,
    at: view.ports.now(),
    kind: 'lease',
    outcome,
    reason,
    facts: { provider, tools, expires },
  }
}
