import type { Agent, Proof } from '../identity/agent.ts'
import type { Attributes, AttributeType } from '../identity/name.ts'
import type { User } from '../identity/user.ts'
import { type AgentId, splitAgentId, type TenantName } from '../ids.ts'
import type { PersistentMap } from '../persistent-map.ts'
import type { KnownResource, TenantSnapshot } from '../snapshot.ts'
import {
  type AttributeValues,
  bool,
  type Entities,
  type Entity,
  type EntityUid,
  entityUid,
  long,
  setOf,
  text,
  type Value,
} from './cedar/cedar.ts'
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

/**
 * A resource and its actions as policies see them. In another tenant's policies (the forbids of an agent's home) they go by
 * `<tenant>/<resource>`, so that no name there can mean one of its own.
 */
export function resourceEntities({ resource, tools }: KnownResource, prefix = ''): readonly Entity[] {
  const name = prefix + resource.resource
  const attrs = new Map<string, Value>([
    ['labels', setOf(resource.labels.map(text))],
    ['kind', text(resource.type)],
  ])
  return [
    { ...strangerEntity('Resource', name), attrs },
    ...groupsOf(name).map((group) => actionEntity(group.name, [group.within])),
    ...Array.from(tools.values(), (tool) => actionEntity(prefix + tool.action, groupsOver(name, tool))),
  ]
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
type Surroundings = Pick<TenantSnapshot, 'tenant' | 'entities'>

/**
 * The agent as one tenant's policies see it. What its home declares about it counts at home only: a guest's home must not be able
 * to say of it what another tenant's permits ask for.
 */
export function agentEntity(
  id: AgentId,
  agent: Agent,
  proof: Proof,
  { tenant, entities }: Surroundings,
): Entity {
  const { home } = splitAgentId(id)
  const atHome = home === tenant.tenant
  const types = atHome ? tenant.agent_attributes : {}
  const own: Readonly<Record<(typeof AGENT_ATTRIBUTES)[number], string>> = {
    kind: agent.kind,
    home,
    proof,
    owner: agent.owner,
  }
  const uid = agentUid(id, tenant.tenant as TenantName)
  const ancestors = atHome ? groupsAround('AgentGroup', agent.groups, entities) : NO_ANCESTORS
  return { uid, attrs: declaredValues(agent.attributes, types, own), tags: NOTHING, ancestors }
}

/** An attribute that the user lacks is absent: a policy that reads it can't be judged, and that denies. */
export function userEntity(user: User, { tenant, entities }: Surroundings): Entity {
  const attrs = declaredValues(user.attributes, tenant.user_attributes, {})
  const ancestors = groupsAround('UserGroup', user.groups, entities)
  return { uid: entityUid('User', user.user), attrs, tags: NOTHING, ancestors }
}

/** Of whom a group's members are, and how policies call it. */
export type GroupType = 'AgentGroup' | 'UserGroup'

/** The groups that somebody names, and all that those are in. */
function groupsAround(type: GroupType, named: readonly string[], entities: Entities): ReadonlySet<string> {
  if (named.length === 0) return NO_ANCESTORS
  const around = new Set<string>()
  for (const name of named) {
    const { key } = entityUid(type, name)
    around.add(key)
    for (const above of entities.get(key)?.ancestors ?? []) around.add(above)
  }
  return around
}

type Declared = Readonly<Record<string, AttributeType>>

/**
 * Attributes as Cedar values, each read when a policy asks for it: most policies look at few of many. `own` are the ones that no
 * declaration hides.
 */
function declaredValues(
  given: Attributes,
  types: Declared,
  own: Readonly<Record<string, string>>,
): AttributeValues {
  const get = (name: string): Value | undefined => {
    const fixed = Object.hasOwn(own, name) ? own[name] : undefined
    if (fixed !== undefined) return text(fixed)
    const type = Object.hasOwn(types, name) && Object.hasOwn(given, name) ? types[name] : undefined
    return type && valueAs(type, given[name])
  }
  const all = () => new Map(entriesOf([...Object.keys(types), ...Object.keys(own)], get))
  return {
    get,
    has: (name) => get(name) !== undefined,
    get size() {
      return all().size
    },
    [Symbol.iterator]: () => all()[Symbol.iterator](),
  }
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
