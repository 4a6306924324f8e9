import type { AuditDraft } from '../core/audit/audit-event.ts'
import type { Credential } from '../core/credential/credential.ts'
import type { Lease } from '../core/credential/lease.ts'
import type { Agent } from '../core/identity/agent.ts'
import { seconds } from '../core/identity/name.ts'
import type { User } from '../core/identity/user.ts'
import { splitAgentId } from '../core/ids.ts'
import { link } from '../core/lifecycle/revocation.ts'
import type { Allow, Decision } from '../core/policy/decision.ts'
import type { Resource } from '../core/policy/resource.ts'
import type { Tool } from '../core/policy/tool.ts'
import { type Refusal, refuse, Unavailable } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { KnownResource, TenantSnapshot } from '../core/snapshot.ts'
import { epochSeconds } from '../core/time.ts'
import { type AuthorityView, requireFresh } from './authority.ts'
import { authenticateCaller, callOf, type PresentedCaller } from './present-token.ts'
import { decisionEvent } from './record-decision.ts'
import type { PresentedToken } from './verify-access-token.ts'

/** What is asked of a credential provider; the composition root finds the plug-in by the tenant's settings. */
export type IssueAsk = {
  readonly allow: Allow
  readonly lease: Lease
  readonly resource: Resource
  readonly tools: readonly Tool[]
  readonly agent: Agent
  readonly user?: User
}
export type LeasingPorts = {
  readonly issue: (tenant: TenantSnapshot, ask: IssueAsk) => Promise<Result<Credential, Refusal>>
  readonly end: (tenant: TenantSnapshot, lease: Lease) => Promise<Result<void, Refusal>>
}

export type LoginAsk = {
  readonly presented: PresentedToken
  /** Tools to narrow the login to; all that are permitted when absent. */
  readonly tools?: readonly string[]
  readonly address: string
}
export type Login = {
  readonly lease: Lease
  readonly credential: Credential
  readonly tables: readonly string[]
}

/**
 * A database login for a task. Where we see no calls, the login is decided as a call of every tool it carries (ARCHITECTURE §4):
 * each one asked for must be allowed, and what is not asked for is not in it.
 */
export async function leaseLogin(
  view: AuthorityView,
  ask: LoginAsk,
  ports: LeasingPorts,
): Promise<Result<Login, Refusal>> {
  requireFresh(view.ports)
  const caller = authenticateCaller(view, ask.presented, 'postgres')
  if (!caller.ok) return caller
  const wanted = toolsAsked(caller.value, ask.tools)
  if (!wanted.ok) return wanted
  const decisions = wanted.value.map((tool) => decideTool(view, caller.value, tool, ask.address))
  const chosen = choose(decisions, ask.tools !== undefined)
  if (!chosen.ok) {
    await view.ports.store.commit({ events: decisions.map(({ decision }) => decisionEvent(view, decision)) })
    return chosen
  }
  return openLease(view, caller.value, chosen.value, ports)
}

type Judged = { readonly tool: Tool; readonly decision: Decision }
type Permitted = { readonly tool: Tool; readonly decision: Allow }

function toolsAsked(
  caller: PresentedCaller,
  asked: readonly string[] | undefined,
): Result<readonly Tool[], Refusal> {
  const { tools } = caller.known
  const scope = caller.access.chain.scope
  if (asked === undefined) {
    return ok([...tools.values()].filter((tool) => !scope || scope.includes(tool.action)))
  }
  const found = asked.map((name) => tools.get(name))
  if (asked.length === 0 || found.includes(undefined)) {
    return err(refuse('unknown', 'tool.unknown', 'A tool that was asked for is not one of this resource.'))
  }
  return ok(found.filter((tool) => tool !== undefined))
}

function decideTool(view: AuthorityView, caller: PresentedCaller, tool: Tool, address: string): Judged {
  const request = callOf(view, caller, tool.name, {}, address)
  return { tool, decision: view.ports.decide(request, view.snapshot, view.at) }
}

/** Named tools must all be allowed; otherwise the login carries what is, and must carry something. */
function choose(judged: readonly Judged[], named: boolean): Result<readonly Permitted[], Refusal> {
  const permitted = judged.filter((each): each is Permitted => each.decision.outcome === 'allow')
  const no = judged.find(({ decision }) => decision.outcome !== 'allow')
  if (no && no.decision.outcome !== 'allow' && (named || permitted.length === 0))
    return err(no.decision.refusal)
  if (permitted.length === 0)
    return err(refuse('denied', 'scope.none_permitted', 'None of the tools is permitted.'))
  return ok(permitted)
}

async function openLease(
  view: AuthorityView,
  caller: PresentedCaller,
  permitted: readonly Permitted[],
  ports: LeasingPorts,
): Promise<Result<Login, Refusal>> {
  const { known } = caller
  const [first] = permitted
  if (!first || known.resource.type !== 'postgres' || !known.resource.credential) {
    return err(refuse('denied', 'lease.no_provider', 'This resource has no credential provider.'))
  }
  const lease = leaseFor(view, caller, known, first.decision)
  const events = permitted.map(({ decision }) => ({ ...decisionEvent(view, decision), lease: lease.id }))
  const { jti, once } = caller.access
  const spend = once
    ? { spend: { tenant: view.name, key: `once:${jti}`, expires: caller.access.chain.expires } }
    : {}
  // Recorded as pending before anything exists in the target: a crash leaves a row that the sweep ends.
  const written = await view.ports.store.commit({ events, lease: { open: lease }, ...spend })
  if (!written.done)
    return err(refuse('stale', 'token.spent', 'This token was good for one use, and was used.'))
  const who = principals(view, caller)
  const resource: Resource = known.resource
  const credential = await ports.issue(view.tenant, {
    allow: first.decision,
    lease,
    resource,
    tools: permitted.map(({ tool }) => tool),
    ...who,
  })
  if (!credential.ok) {
    await abandon(view, lease, credential.error)
    return credential
  }
  return activate(view, lease, credential.value, permitted, ports)
}

async function activate(
  view: AuthorityView,
  lease: Lease,
  credential: Credential,
  permitted: readonly Permitted[],
  ports: LeasingPorts,
): Promise<Result<Login, Refusal>> {
  const { handle } = credential
  const event = leaseEvent(view, lease, 'done', 'lease.issued', permitted.length)
  const active = await view.ports.store.commit({
    events: [event],
    lease: { activate: { tenant: view.name, id: lease.id, handle } },
  })
  if (active.done) {
    const tables = permitted.flatMap(({ tool }) => (tool.table ? [tool.table] : []))
    return ok({ lease: { ...lease, handle, state: 'active' }, credential, tables })
  }
  // Revoked between the decision and now: what was just made must not be handed out.
  await ports.end(view.tenant, { ...lease, handle })
  return err(refuse('stale', 'chain.revoked', 'Access ended while the login was being made.'))
}

async function abandon(view: AuthorityView, lease: Lease, refusal: Refusal): Promise<void> {
  const event = leaseEvent(view, lease, 'failed', refusal.reason, 0)
  await view.ports.store.commit({ events: [event], lease: { end: { tenant: view.name, id: lease.id } } })
}

function leaseFor(view: AuthorityView, caller: PresentedCaller, known: KnownResource, allow: Allow): Lease {
  const { chain } = caller.access
  const settings = known.resource.credential ?? { provider: '', life: '1m' }
  const id = view.ports.newId('lease') as Lease['id']
  const { delegation } = allow.explanation
  const links = [...chain.links, link('resource', known.resource.resource), link('lease', id)]
  return {
    id,
    tenant: view.name,
    agent: chain.agent,
    ...(chain.user === undefined ? {} : { user: chain.user }),
    session: chain.session,
    decision: allow.id,
    resource: known.resource.resource,
    provider: settings.provider,
    handle: '',
    links: delegation === undefined ? links : [...links, link('delegation', delegation)],
    rev: chain.rev,
    expires: expiryOf(view, chain.expires, settings.life),
    state: 'pending',
  }
}

/** A lease never outlives the token that asked for it (ARCHITECTURE §2), and no longer than the resource says. */
function expiryOf(view: AuthorityView, tokenExpires: number, life: string): Lease['expires'] {
  return epochSeconds(Math.min(tokenExpires, view.now + seconds(life)))
}

function principals(
  view: AuthorityView,
  caller: PresentedCaller,
): { readonly agent: Agent; readonly user?: User } {
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
  return {
    tenant: view.name,
    at: view.ports.now(),
    kind: 'lease',
    outcome,
    reason,
    decision: lease.decision,
    agent: lease.agent,
    session: lease.session,
    resource: lease.resource,
    lease: lease.id,
    revision: view.snapshot.revision,
    facts: { provider: lease.provider, tools, expires: lease.expires },
  }
}
