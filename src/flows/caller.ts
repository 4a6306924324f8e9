import type { Admission } from '../core/identity/admission.ts'
import { type Agent, dpopRequired, type Proof } from '../core/identity/agent.ts'
import type { Gateway } from '../core/identity/gateway.ts'
import { type AgentId, parseAgentId, type Revision, splitAgentId, type TenantName } from '../core/ids.ts'
import { endedBy, type Link, link } from '../core/lifecycle/revocation.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { TenantSnapshot } from '../core/snapshot.ts'
import type { EpochSeconds } from '../core/time.ts'
import type { AuthorityView } from './authority.ts'

/** Which registered workload it is. A gateway's id is `gateway:<name>`: no agent can be called that. */
export type Workload =
  | { readonly kind: 'agent'; readonly id: AgentId; readonly agent: Agent }
  | { readonly kind: 'gateway'; readonly id: string; readonly gateway: Gateway }

/** A caller that has proven itself to one tenant, and until when that proof holds. */
export type Caller = {
  readonly workload: Workload
  readonly proof: Proof
  readonly links: readonly Link[]
  readonly rev: Revision
  readonly expires: EpochSeconds
  /** Thumbprint of the key it proved to hold; absent when it proved none. */
  readonly jkt?: string
}

/** A caller that is an agent: the only kind that gets tokens here. */
export type AgentCaller = Caller & {
  readonly workload: Extract<Workload, { readonly kind: 'agent' }>
}

export function workloadLink(workload: Workload): Link {
  return workload.kind === 'agent' ? link('agent', workload.id) : link('gateway', workload.gateway.gateway)
}

/** Finds an agent by the id that a token of its home states. Guests need an admission that has not ended. */
export function findAgent(
  view: AuthorityView,
  home: TenantName,
  id: string,
): Result<AgentCaller['workload'], Refusal> {
  const agent = parseAgentId(id)
  // The home that signed is the only one that can speak for its agents.
  if (!agent || splitAgentId(agent).home !== home) return no('client.not_its_home')
  const doc = view.snapshot.tenants.get(home)?.agents.get(agent)
  if (!doc) return no('client.unknown')
  if (home !== view.name && !admissionOf(view.tenant, agent, view.now)) return no('client.not_admitted')
  return ok({ kind: 'agent', id: agent, agent: doc })
}

/** A guest's admission while it lasts. */
export function admissionOf(
  tenant: TenantSnapshot,
  agent: AgentId,
  now: EpochSeconds,
): Admission | undefined {
  const admission = tenant.admissions.get(agent)
  if (!admission) return undefined
  return admission.until === undefined || Date.parse(admission.until) > now * 1000 ? admission : undefined
}

/** Whether a workload may act at all now: its own state, and what was revoked here and at its home. */
export function callerStands(view: AuthorityView, caller: Caller): Refusal | undefined {
  const { workload } = caller
  if (workload.kind === 'agent' && workload.agent.state !== 'active') {
    return refuse('denied', `agent.${workload.agent.state}`, `The agent is ${workload.agent.state}.`)
  }
  const home = workload.kind === 'agent' ? splitAgentId(workload.id).home : view.name
  const homeTenant = view.snapshot.tenants.get(home)
  if (homeTenant?.tenant.state !== 'active')
    return refuse('denied', 'agent.home_suspended', "The agent's home is not active.")
  const ended =
    endedIn(view.tenant, view.name, caller) ??
    (home === view.name ? undefined : endedIn(homeTenant, home, caller))
  return (
    ended &&
    refuse('denied', 'agent.revoked', 'The agent, its key or its trust was revoked.', { link: ended })
  )
}

/** Which link of the caller one tenant ended. */
function endedIn({ revocations }: TenantSnapshot, name: string, caller: Caller): Link | undefined {
  // Nearly always so, and then no list need be made.
  if (revocations.size === 0) return undefined
  return endedBy([...caller.links, link('tenant', name)], caller.rev, revocations)?.link
}

/** A gateway's credential is always bound; an agent's unless its entry lets a bearer be. */
export function mustBeBound(workload: Workload, proof: Proof): boolean {
  return workload.kind === 'gateway' || dpopRequired(workload.agent, proof)
}

type Candidate = Workload & { readonly is: Agent['is'] }
const listed = new WeakMap<TenantSnapshot, readonly Candidate[]>()

/** Everything in this tenant that evidence may turn out to be, listed once for each version of it. */
export function candidates(tenant: TenantSnapshot, name: TenantName): readonly Candidate[] {
  const before = listed.get(tenant)
  if (before) return before
  const found: Candidate[] = []
  for (const [id, agent] of tenant.agents) {
    if (splitAgentId(id).home === name) found.push({ kind: 'agent', id, agent, is: agent.is })
  }
  for (const gateway of tenant.gateways.values()) {
    found.push({ kind: 'gateway', id: `gateway:${gateway.gateway}`, gateway, is: gateway.is })
  }
  listed.set(tenant, found)
  return found
}

const SAYS = {
  'client.unknown': 'No such agent is registered here.',
  'client.not_its_home': 'The token names an agent of another home than the one that signed it.',
  'client.not_admitted': 'The agent is not admitted to this tenant.',
} as const

function no(reason: keyof typeof SAYS): Result<never, Refusal> {
  return err(refuse('unauthenticated', reason, SAYS[reason]))
}
