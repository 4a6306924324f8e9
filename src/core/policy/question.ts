import type { Admission } from '../identity/admission.ts'
import type { Agent } from '../identity/agent.ts'
import type { PrincipalChain } from '../identity/principal-chain.ts'
import type { User } from '../identity/user.ts'
import { type AgentId, agentId, splitAgentId, type TenantName } from '../ids.ts'
import type { KnownResource, Snapshot, TenantSnapshot } from '../snapshot.ts'
import type { EpochMillis } from '../time.ts'
import type { AccessRequest } from './access-request.ts'
import { NO_OPINIONS, type Opinions } from './both-engines.ts'

/** Somebody in the chain, looked up where it lives. */
export type Actor = {
  readonly id: AgentId
  /** Lives in another tenant than the one that is asked. */
  readonly guest: boolean
  readonly home?: TenantSnapshot
  readonly agent?: Agent
  readonly admission?: Admission
}

/** A request with everything it names looked up. What isn't there is absent; the steps of `decide` say what that means. */
export type Question = {
  readonly request: AccessRequest
  readonly chain: PrincipalChain
  readonly now: EpochMillis
  readonly tenant?: TenantSnapshot
  readonly caller: Actor
  readonly actors: readonly Actor[]
  readonly known?: KnownResource
  readonly user?: User
  readonly opinions: Opinions
}

/** A question whose parts are all there. */
export type Whole = Question & {
  readonly tenant: TenantSnapshot
  readonly caller: Actor & { readonly home: TenantSnapshot; readonly agent: Agent }
  readonly known: KnownResource
}

export function lookUp(
  request: AccessRequest,
  snapshot: Snapshot,
  now: EpochMillis,
  opinions: Opinions = NO_OPINIONS,
): Question {
  const { chain } = request
  const tenant = snapshot.tenants.get(request.tenant)
  const caller = actor(chain.agent, request.tenant, tenant, snapshot)
  const actors = chain.actors.map((id) =>
    id === chain.agent ? caller : actor(id, request.tenant, tenant, snapshot),
  )
  const question: Filling<Question> = { request, chain, now, opinions, caller, actors }
  if (tenant === undefined) return question
  question.tenant = tenant
  const known = tenant.resources.get(request.resource)
  if (known !== undefined) question.known = known
  const user = chain.user === undefined ? undefined : tenant.users.get(chain.user)
  if (user !== undefined) question.user = user
  return question
}

type Filling<T> = { -readonly [K in keyof T]: T[K] }

function actor(id: AgentId, name: TenantName, tenant: TenantSnapshot | undefined, snapshot: Snapshot): Actor {
  const own = splitAgentId(id).home
  const guest = own !== name
  const home = guest ? snapshot.tenants.get(own) : tenant
  const found: Filling<Actor> = { id, guest }
  if (home !== undefined) found.home = home
  const agent = home?.agents.get(id)
  if (agent !== undefined) found.agent = agent
  const admission = guest ? tenant?.admissions.get(id) : undefined
  if (admission !== undefined) found.admission = admission
  return found
}

export function isWhole(question: Question): question is Whole {
  const { tenant, caller, known, chain, user } = question
  const found = tenant !== undefined && caller.agent !== undefined && known !== undefined
  return found && (chain.user === undefined || user !== undefined)
}

/** The agent as people of the tenant know it: by its name, or `home/name` for a guest. */
export function nameOf(actor: Actor): string {
  return actor.guest ? actor.id : splitAgentId(actor.id).agent
}

/** An agent as a document of a tenant names it: its own by name, a guest as `home/name`. */
export function namedAgent(tenant: TenantName, ref: string): AgentId {
  return ref.includes('/') ? (ref as AgentId) : agentId(tenant, ref)
}
