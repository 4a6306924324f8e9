import type { Agent, Proof } from '../identity/agent.ts'
import type { Group } from '../identity/group.ts'
import type { Attributes, AttributeType } from '../identity/name.ts'
import type { User } from '../identity/user.ts'
import { type AgentId, splitAgentId, type TenantName } from '../ids.ts'
import type { PersistentMap } from '../persistent-map.ts'
import type { KnownResource, TenantSnapshot } from '../snapshot.ts'
import {
  type AttributeValues,
  bool,
  type Entity,
  type EntityUid,
  entityUid,
  long,
  setOf,
  text,
  type Value,
} from './cedar/cedar.ts'
import { contentsOf } from './content.ts'
import type { Tool } from './tool.ts'

/** Groups of actions: all of a hint, over every resource or over one. A resource's name is never empty, so none collides with a tool. */
export const ALL_ACTIONS = { read: '*read', write: '*write', any: '*any' } as const

/** Attributes that every agent has; a declared one of the same name doesn't hide them. */
export const AGENT_ATTRIBUTES = ['kind', 'home', 'proof', 'owner'] as const

export function actionUid(action: string): EntityUid {
  return entityUid('Action', action)
}

/** The groups of a resource's actions, `orders/*read`, each within the group over every resource. */
export function groupsOf(resource: string): readonly { readonly name: string; readonly within: string }[] {
  return (['read', 'write', 'any'] as const).map((hint) => ({
    name: `${resource}/*${hint}`,
    within: ALL_ACTIONS[hint],
  }))
}

export function parentsOf(resource: string, tool: Tool): readonly string[] {
  return [`${resource}/*${tool.hint}`, `${resource}/*any`]
}

export type GroupType = 'AgentGroup' | 'UserGroup'
/** How policies call groups, by whom they hold. */
const GROUP_TYPES: Readonly<Record<Group['of'], GroupType>> = { agents: 'AgentGroup', users: 'UserGroup' }

export function groupUid({ of, group }: Pick<Group, 'of' | 'group'>): EntityUid {
  return entityUid(GROUP_TYPES[of], group)
}

/** What policies see of a tenant, by key. */
export type EntityMap = PersistentMap<string, Entity>

const NOTHING: ReadonlyMap<string, Value> = new Map()
const NO_ANCESTORS: ReadonlySet<string> = new Set()

/** What is known by its name only. */
export function strangerEntity(type: string, name: string): Entity {
  return { uid: entityUid(type, name), attrs: NOTHING, tags: NOTHING, ancestors: NO_ANCESTORS }
}

/** The groups over every resource, which every tenant has. */
export const COMMON_ENTITIES: readonly Entity[] = Object.values(ALL_ACTIONS).map((name) =>
  strangerEntity('Action', name),
)

/** A resource as its document declares it, with all that questions about it look at. */
export function knownResource(resource: KnownResource['resource'], tools: readonly Tool[]): KnownResource {
  const attrs = new Map<string, Value>([
    ['labels', setOf(resource.labels.map(text))],
    ['kind', text(resource.type)],
  ])
  const action = (tool: Tool) => actionEntity(tool.action, groupsOver(resource.resource, tool))
  return {
    resource,
    tools: new Map(tools.map((tool) => [tool.name, tool])),
    contents: resource.type === 'mcp' ? contentsOf(resource.contents ?? {}) : [],
    entity: { ...strangerEntity('Resource', resource.resource), attrs },
    actions: new Map(tools.map((tool) => [tool.name, action(tool)])),
  }
}

/** All that a tenant has by a resource. */
export function resourceEntities({ resource, entity, actions }: KnownResource): readonly Entity[] {
  const groups = groupsOf(resource.resource).map((group) => actionEntity(group.name, [group.within]))
  return [entity, ...groups, ...actions.values()]
}

/**
 * A resource and one of its tools as the policies of an agent's home see them: by `<tenant>/<resource>`, so that no name there can mean
 * one of its own.
 */
export function entitiesAbroad(known: KnownResource, tool: Tool, prefix: string) {
  const name = prefix + known.resource.resource
  return {
    resource: { ...known.entity, uid: entityUid('Resource', name) },
    action: actionEntity(prefix + tool.action, groupsOver(name, tool)),
    groups: groupsOf(name).map((group) => actionEntity(group.name, [group.within])),
  }
}

function actionEntity(name: string, within: readonly string[]): Entity {
  return { ...strangerEntity('Action', name), ancestors: new Set(within.map((each) => actionUid(each).key)) }
}

/** Every group that a tool's action is in: those of its resource, and what they are within. */
function groupsOver(resource: string, tool: Tool): readonly string[] {
  return [...parentsOf(resource, tool), ALL_ACTIONS[tool.hint], ALL_ACTIONS.any]
}

/** `Agent::"support"` at home, `Agent::"operator/support"` where it is a guest. */
export function agentUid(id: AgentId, tenant: TenantName): EntityUid {
  const { home, agent } = splitAgentId(id)
  return entityUid('Agent', home === tenant ? agent : id)
}

/** Where somebody is looked at: the tenant's own declarations and groups. */
type Surroundings = Pick<TenantSnapshot, 'tenant' | 'groups'>

/**
 * The agent as one tenant's policies see it. What its home declares about it counts at home only: a guest's home must not be able
 * to say of it what another tenant's permits ask for.
 */
export function agentEntity(
  id: AgentId,
  agent: Agent,
  proof: Proof,
  { tenant, groups }: Surroundings,
): Entity {
  const { home } = splitAgentId(id)
  const atHome = home === tenant.tenant
  const types = atHome ? tenant.agent_attributes : NONE_DECLARED
  const own = (name: string) => (name === 'home' ? home : name === 'proof' ? proof : ownOf(agent, name))
  const uid = agentUid(id, tenant.tenant as TenantName)
  const ancestors = atHome ? groupsAround('agents', agent.groups, groups) : NO_ANCESTORS
  const attrs = declaredValues(agent.attributes, types, AGENT_ATTRIBUTES, own)
  return { uid, attrs, tags: NOTHING, ancestors }
}

function ownOf(agent: Agent, name: string): string | undefined {
  return name === 'kind' ? agent.kind : name === 'owner' ? agent.owner : undefined
}

/** An attribute that the user lacks is absent: a policy that reads it can't be judged, and that denies. */
export function userEntity(user: User, { tenant, groups }: Surroundings): Entity {
  const attrs = declaredValues(user.attributes, tenant.user_attributes, [], noneOwn)
  const ancestors = groupsAround('users', user.groups, groups)
  return { uid: entityUid('User', user.user), attrs, tags: NOTHING, ancestors }
}

/** The groups that somebody names, and all that those are in. Of one group it is that group's own set: nothing is put together. */
function groupsAround(
  of: Group['of'],
  named: readonly string[],
  groups: TenantSnapshot['groups'],
): ReadonlySet<string> {
  const [first, ...more] = named
  if (first === undefined) return NO_ANCESTORS
  if (more.length === 0) return groupAround(of, first, groups)
  const around = new Set<string>()
  for (const name of named) for (const key of groupAround(of, name, groups)) around.add(key)
  return around
}

function groupAround(of: Group['of'], name: string, groups: TenantSnapshot['groups']): ReadonlySet<string> {
  const known = groups.get(name)
  return known?.group.of === of ? known.around : new Set([groupUid({ of, group: name }).key])
}

type Declared = Readonly<Record<string, AttributeType>>
const NONE_DECLARED: Declared = {}

/**
 * Attributes as Cedar values, each read when a policy asks for it: most policies look at few of many. `own` gives the ones of
 * `ownNames`, which no declaration hides.
 */
function declaredValues(
  given: Attributes,
  types: Declared,
  ownNames: readonly string[],
  own: (name: string) => string | undefined,
): AttributeValues {
  const declared = declaredIn(types)
  const get = (name: string): Value | undefined => {
    const fixed = own(name)
    if (fixed !== undefined) return text(fixed)
    const type = declared.get(name)
    return type !== undefined && Object.hasOwn(given, name) ? valueAs(type, given[name]) : undefined
  }
  const all = () => new Map(entriesOf([...Object.keys(types), ...ownNames], get))
  return { get, [Symbol.iterator]: () => all()[Symbol.iterator]() }
}

/** A tenant's declarations stay the same object until it changes them, and each question looks one up for each attribute. */
const declarations = new WeakMap<Declared, ReadonlyMap<string, AttributeType>>()

function declaredIn(types: Declared): ReadonlyMap<string, AttributeType> {
  const known = declarations.get(types)
  if (known) return known
  const declared = new Map(Object.entries(types))
  declarations.set(types, declared)
  return declared
}

function noneOwn(): undefined {
  return undefined
}

function entriesOf(
  names: readonly string[],
  get: (name: string) => Value | undefined,
): (readonly [string, Value])[] {
  return names.flatMap((name) => {
    const value = get(name)
    return value === undefined ? [] : [[name, value] as const]
  })
}

function valueAs(type: AttributeType, given: unknown): Value | undefined {
  switch (type) {
    case 'String':
      return typeof given === 'string' ? text(given) : undefined
    case 'Bool':
      return typeof given === 'boolean' ? bool(given) : undefined
    case 'Long': {
      const value = Number.isSafeInteger(given) ? long(BigInt(Number(given))) : undefined
      return value?.kind === 'long' ? value : undefined
    }
    case 'Set<String>':
      return Array.isArray(given) && given.every((item) => typeof item === 'string')
        ? setOf(given.map(text))
        : undefined
  }
}
