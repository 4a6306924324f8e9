import { link } from '../lifecycle/revocation.ts'
import type { TenantSnapshot } from '../snapshot.ts'
import {
  type CedarRequest,
  type Entities,
  type Entity,
  type EntityUid,
  entityUid,
  layer,
  type RecordValue,
  record,
  setOf,
  text,
  type Value,
} from './cedar/cedar.ts'
import { parseIp } from './cedar/extensions/ip.ts'
import type { IpValue } from './cedar/value.ts'
import type { ConditionResult, Fact, Facts } from './condition.ts'
import { actionUid, agentEntity, resourceEntities, strangerEntity, userEntity } from './entities.ts'
import { factName } from './facts-resource.ts'
import { type Fit, fitOf } from './fit.ts'
import { policiesInScope } from './policy-index.ts'
import type { PolicySet } from './policy-set.ts'
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

/** `everyHome`: the home of a guest too where nothing seems to be forbidden by it. */
export function sidesOf(question: Whole, tool: Tool, input: Value, everyHome = false): readonly FrameSide[] {
  const own = ownFrame(question, tool, input)
  const { policies } = question.tenant
  const sides = [sideOf('agent', own, own.agent, policies, question.chain.proof === 'claimed')]
  const { user } = own
  if (user !== undefined) sides.push(sideOf('user', own, user, policies, false))
  const home = question.caller.guest ? homeSide(question, tool, input, everyHome) : undefined
  if (home !== undefined) sides.push(home)
  return sides
}

/** Of its home a guest takes along what is forbidden, never what is permitted. */
function homeSide(question: Whole, tool: Tool, input: Value, always: boolean): FrameSide | undefined {
  const { policies, quarantine } = question.caller.home
  if (policies.byName.size === 0) return undefined
  const frame = homeFrame(question, tool, input)
  const forbids = inScope(frame, frame.agent, policies).filter(({ effect }) => effect === 'forbid')
  // What is in quarantine there is asked about whatever its scope seems to be.
  if (forbids.length === 0 && quarantine.size === 0 && !always) return undefined
  return { principal: 'home', frame, uid: frame.agent, ...fitOf(forbids, false) }
}

function sideOf(
  principal: FrameSide['principal'],
  frame: Frame,
  uid: EntityUid,
  policies: PolicySet,
  claimed: boolean,
): FrameSide {
  const { candidates, uncovered, names } = fitOf(inScope(frame, uid, policies), claimed)
  return { principal, frame, uid, candidates, uncovered, names }
}

/** A scope looks at nothing in it. */
const NO_CONTEXT = record(new Map())

function inScope({ action, resource, entities }: Frame, uid: EntityUid, { index }: PolicySet) {
  const request = { principal: uid, action, resource, context: NO_CONTEXT }
  return policiesInScope(index, request, entities)
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

function ownFrame(question: Whole, tool: Tool, input: Value): Frame {
  const { tenant, caller, chain, request } = question
  const agent = agentEntity(caller.id, caller.agent, chain.proof, tenant)
  const person = question.user && userEntity(question.user, tenant)
  const user = person?.uid
  return {
    tenant,
    entities: people(agent, person, tenant.entities),
    agent: agent.uid,
    ...(user ? { user } : {}),
    action: actionUid(tool.action),
    resource: entityUid('Resource', request.resource),
    context: contextOf(question, agent.uid, user, input),
  }
}

/** The agent and its user over what the tenant has: two comparisons, not a store for each question. */
function people(agent: Entity, user: Entity | undefined, base: Entities): Entities {
  const [first, second] = [agent.uid.key, user?.uid.key]
  return { get: (key) => (key === first ? agent : key === second ? user : base.get(key)) }
}

/** There the agent has its own name and attributes, and what is not of that tenant goes by `<tenant>/<name>`. */
function homeFrame(question: Whole, tool: Tool, input: Value): Frame {
  const { caller, chain, user, request, known } = question
  const tenant = caller.home
  const prefix = `${request.tenant}/`
  const agent = agentEntity(caller.id, caller.agent, chain.proof, tenant)
  const person = user && strangerEntity('User', prefix + user.user)
  const abroad = resourceEntities({ ...known, tools: new Map([[tool.name, tool]]) }, prefix)
  return {
    tenant,
    entities: people(
      agent,
      person,
      layer(new Map(abroad.map((each) => [each.uid.key, each])), tenant.entities),
    ),
    agent: agent.uid,
    ...(person ? { user: person.uid } : {}),
    action: actionUid(prefix + tool.action),
    resource: entityUid('Resource', prefix + request.resource),
    context: contextOf(question, agent.uid, person?.uid, input),
  }
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
