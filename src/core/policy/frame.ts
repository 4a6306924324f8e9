import type { Agent } from '../identity/agent.ts'
import { link } from '../lifecycle/revocation.ts'
import type { TenantSnapshot } from '../snapshot.ts'
import {
  buildEntities,
  type CedarPolicy,
  type CedarRequest,
  type Entities,
  type EntityDraft,
  type EntityUid,
  entityUid,
  layer,
  NO_ENTITIES,
  type RecordValue,
  record,
  setOf,
  text,
  type Value,
} from './cedar/cedar.ts'
import { parseIp } from './cedar/extensions/ip.ts'
import type { IpValue } from './cedar/value.ts'
import type { ConditionResult, Fact, Facts } from './condition.ts'
import { actionUid, agentEntity, resourceEntities, userEntity } from './entities.ts'
import { factName } from './facts-resource.ts'
import { type Fit, type Fits, fitOf, remembered } from './fit.ts'
import { aboutResource } from './policy-set.ts'
import type { Whole } from './question.ts'
import type { Tool } from './tool.ts'

/** How one tenant's policies see a question: the tenant that is asked, or the home of an agent that is a guest there. */
export type Frame = {
  readonly tenant: TenantSnapshot
  readonly entities: Entities
  readonly agent: EntityUid
  readonly user?: EntityUid
  readonly action: EntityUid
  readonly resource: EntityUid
  /** `context` without the conditions, which depend on the candidates. */
  readonly context: ReadonlyMap<string, Value>
}

/** One side of the question: whose policies, about whom. */
export type FrameSide = Fit & {
  readonly principal: 'agent' | 'user' | 'home'
  readonly frame: Frame
  readonly uid: EntityUid
}

export function sidesOf(question: Whole, tool: Tool, input: Value): readonly FrameSide[] {
  const callers = callersOf(question)
  const own = ownFrame(question, callers, tool, input)
  const policies = question.tenant.policies.for
  const claimed = question.chain.proof === 'claimed'
  const about = (all: readonly CedarPolicy[]) => aboutResource(all, own.resource)
  const agent = remembered(callers.agentFits, tool, () =>
    fitFor(own, own.agent, about(policies.Agent), claimed),
  )
  const sides = [side('agent', own, own.agent, agent)]
  const { user } = own
  if (user !== undefined) {
    const fits = remembered(callers.userFits, tool, () => fitFor(own, user, about(policies.User), false))
    sides.push(side('user', own, user, fits))
  }
  const forbids = question.caller.guest ? forbidsOf(question.caller.home) : []
  if (forbids.length > 0) {
    const home = homeFrame(question, tool, input)
    sides.push(side('home', home, home.agent, fitFor(home, home.agent, forbids, false)))
  }
  return sides
}

/** Of its home a guest takes along what is forbidden, never what is permitted. */
function forbidsOf(home: TenantSnapshot): readonly CedarPolicy[] {
  return home.policies.for.Agent.filter((policy) => policy.effect === 'forbid')
}

/** A scope looks at nothing in it. */
const NO_CONTEXT = record(new Map())

function fitFor(frame: Frame, uid: EntityUid, policies: readonly CedarPolicy[], claimed: boolean): Fit {
  const { action, resource, entities } = frame
  return fitOf(policies, { principal: uid, action, resource, context: NO_CONTEXT }, entities, claimed)
}

function side(principal: FrameSide['principal'], frame: Frame, uid: EntityUid, fits: Fit): FrameSide {
  const { candidates, uncovered, names } = fits
  return { principal, frame, uid, candidates, uncovered, names }
}

/** The question as Cedar asks it, with the conditions that hold. */
export function cedarRequest(frame: Frame, principal: EntityUid, holding: ReadonlySet<string>): CedarRequest {
  const { action, resource } = frame
  return { principal, action, resource, context: contextWith(frame, holding) }
}

/** A frame's whole context, the same for each of its sides. */
export function contextWith(frame: Frame, holding: Iterable<string>): RecordValue {
  const context = new Map(frame.context)
  context.set('conditions', setOf(Array.from(holding, text)))
  return record(context)
}

function ownFrame(question: Whole, callers: Callers, tool: Tool, input: Value): Frame {
  const { tenant, request } = question
  const { entities, agent, user } = callers
  return {
    tenant,
    entities,
    agent,
    ...(user ? { user } : {}),
    action: actionUid(tool.action),
    resource: entityUid('Resource', request.resource),
    context: contextOf(question, agent, user, input),
  }
}

type Callers = Pick<Frame, 'entities' | 'agent'> & {
  readonly user?: EntityUid
  readonly of: Agent
  readonly agentFits: Fits
  readonly userFits: Fits
}
const known = new WeakMap<TenantSnapshot, Map<string, Callers>>()
const MAX_CALLERS = 5_000

/** The agent and its user over what the tenant has: the same for each of their questions until something of the tenant changes. */
function callersOf({ tenant, caller, chain, user }: Whole): Callers {
  const ofTenant = known.get(tenant) ?? new Map<string, Callers>()
  known.set(tenant, ofTenant)
  const key = JSON.stringify([caller.id, chain.proof, user?.user])
  const before = ofTenant.get(key)
  // A guest is described at its home, which changes by itself.
  if (before?.of === caller.agent) return before
  const agent = agentEntity(caller.id, caller.agent, chain.proof, tenant.tenant)
  const person = user && userEntity(user, tenant.tenant)
  const entities = layer(closed(person ? [agent, person] : [agent]), tenant.entities)
  const fits = { agentFits: new Map(), userFits: new Map() }
  const base = { entities, agent: agent.uid, of: caller.agent, ...fits }
  const found: Callers = person ? { ...base, user: person.uid } : base
  if (ofTenant.size >= MAX_CALLERS) ofTenant.clear()
  ofTenant.set(key, found)
  return found
}

/** There the agent has its own name and attributes, and what is not of that tenant goes by `<tenant>/<name>`. */
function homeFrame(question: Whole, tool: Tool, input: Value): Frame {
  const { caller, chain, user, request, known } = question
  const tenant = caller.home
  const prefix = `${request.tenant}/`
  const agent = agentEntity(caller.id, caller.agent, chain.proof, tenant.tenant)
  const person = user && { uid: entityUid('User', prefix + user.user) }
  const abroad = resourceEntities([{ ...known, tools: new Map([[tool.name, tool]]) }], prefix)
  const people = closed(person ? [agent, person] : [agent])
  return {
    tenant,
    entities: layer(people, layer(abroad, tenant.entities)),
    agent: agent.uid,
    ...(person ? { user: person.uid } : {}),
    action: actionUid(prefix + tool.action),
    resource: entityUid('Resource', prefix + request.resource),
    context: contextOf(question, agent.uid, person?.uid, input),
  }
}

function closed(drafts: readonly EntityDraft[]): Entities {
  const built = buildEntities(drafts)
  return built.ok ? built.value : NO_ENTITIES
}

function contextOf(
  { request }: Whole,
  agent: EntityUid,
  user: EntityUid | undefined,
  input: Value,
): ReadonlyMap<string, Value> {
  const context = new Map<string, Value>([
    ['agent', agent],
    ['input', input],
  ])
  if (user !== undefined) context.set('user', user)
  const address = request.address === undefined ? undefined : addressOf(request.address)
  if (address !== undefined) context.set('address', address)
  return context
}

const addresses = new Map<string, IpValue | undefined>()
const MAX_ADDRESSES = 1_000

/** A peer's address as policies compare it; each is read once while not too many are about. */
function addressOf(peer: string): IpValue | undefined {
  if (addresses.has(peer)) return addresses.get(peer)
  // An IPv4 peer on a socket of both kinds is written as IPv4 inside IPv6, which Cedar doesn't read.
  const read = parseIp(peer.replace(/^::ffff:(?=\d+\.)/i, ''))
  const address = read.kind === 'ipaddr' ? read : undefined
  if (addresses.size >= MAX_ADDRESSES) addresses.clear()
  addresses.set(peer, address)
  return address
}

export type NamedResult = { readonly name: string } & ConditionResult

/** What a condition comes to now. One that nobody declared has no fact, so it denies like a missing one. */
export function askCondition(tenant: TenantSnapshot, name: string, question: Whole): NamedResult {
  const known = tenant.conditions.get(name)
  if (known === undefined) return { name, state: 'missing', fact: 'nobody declared such a condition' }
  return { name, ...known.test(factsOf(tenant, question)) }
}

/** What a condition of this tenant may look at for a question. */
export function factsOf(tenant: TenantSnapshot, { chain, now, request }: Whole): Facts {
  const subjects: readonly string[] = [
    link('agent', chain.agent),
    link('session', chain.session),
    ...(chain.jkt === undefined ? [] : [link('key', chain.jkt)]),
  ]
  const reported = (source: string): Fact | undefined => {
    let newest: Fact | undefined
    for (const subject of subjects) {
      const fact = tenant.facts.get(factName(subject, source))
      if (fact && (newest === undefined || fact.at > newest.at)) newest = fact
    }
    return newest
  }
  return request.address === undefined ? { now, reported } : { now, address: request.address, reported }
}
