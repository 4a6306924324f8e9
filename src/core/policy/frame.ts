import { link } from '../lifecycle/revocation.ts'
import type { TenantSnapshot } from '../snapshot.ts'
import {
  type CedarPolicy,
  type CedarRequest,
  type Entities,
  type Entity,
  type EntityUid,
  isOpen,
  layer,
  type RecordValue,
  setOf,
  text,
  type Value,
} from './cedar/cedar.ts'
import { parseIp } from './cedar/extensions/ip.ts'
import type { IpValue } from './cedar/value.ts'
import type { ConditionResult, Fact, Facts } from './condition.ts'
import { agentEntity, entitiesAbroad, strangerEntity, userEntity } from './entities.ts'
import { factName } from './facts-resource.ts'
import { type Fit, fitOf } from './fit.ts'
import { type Asked, policiesInScope } from './policy-index.ts'
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
  /** What scopes look at, beside the principal. */
  readonly asked: Omit<Asked, 'principal'>
  /** What `context` is made of beside the conditions, which depend on the candidates. */
  readonly input: Value
  readonly address?: IpValue
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

function inScope({ asked, entities }: Frame, uid: EntityUid, { index }: PolicySet): readonly CedarPolicy[] {
  const principal = entities.get(uid.key) ?? strangerEntity(uid.type, uid.id)
  return policiesInScope(index, { principal, ...asked }, entities)
}

/** The question as Cedar asks it, with the conditions that hold. */
export function cedarRequest(frame: Frame, principal: EntityUid, holding: ReadonlySet<string>): CedarRequest {
  const { action, resource } = frame
  return { principal, action, resource, context: contextWith(frame, holding) }
}

/** A frame's whole context, the same for each of its sides. */
export function contextWith(frame: Frame, holding: Iterable<string>): RecordValue {
  const { agent, user, input, address } = frame
  const fields = new Map<string, Value>()
  fields.set('agent', agent)
  if (user !== undefined) fields.set('user', user)
  fields.set('input', input)
  if (address !== undefined) fields.set('address', address)
  fields.set('conditions', setOf(Array.from(holding, text)))
  // Of these only an input can be unknown, in whole or in part.
  return { kind: 'record', fields, open: isOpen(input) }
}

function ownFrame(question: Whole, tool: Tool, input: Value): Frame {
  const { tenant, caller, chain, known, request } = question
  const agent = agentEntity(caller.id, caller.agent, chain.proof, tenant)
  const person = question.user && userEntity(question.user, tenant)
  const action = known.actions.get(tool.name) ?? strangerEntity('Action', tool.action)
  const frame = {
    tenant,
    entities: people(agent, person, tenant.entities),
    agent: agent.uid,
    action: action.uid,
    resource: known.entity.uid,
    asked: { action, resource: known.entity },
    input,
  }
  return withRest(frame, person, request.address)
}

type Filling<T> = { -readonly [K in keyof T]: T[K] }

function withRest(frame: Filling<Frame>, person: Entity | undefined, peer: string | undefined): Frame {
  if (person !== undefined) frame.user = person.uid
  const address = peer === undefined ? undefined : addressOf(peer)
  if (address !== undefined) frame.address = address
  return frame
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
  const { action, resource, groups } = entitiesAbroad(known, tool, prefix)
  const abroad = new Map([action, resource, ...groups].map((each) => [each.uid.key, each]))
  const frame = {
    tenant,
    entities: people(agent, person, layer(abroad, tenant.entities)),
    agent: agent.uid,
    action: action.uid,
    resource: resource.uid,
    asked: { action, resource },
    input,
  }
  return withRest(frame, person, request.address)
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
