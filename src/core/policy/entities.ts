import type { Agent, Proof } from '../identity/agent.ts'
import type { Attributes, AttributeType } from '../identity/name.ts'
import type { User } from '../identity/user.ts'
import { type AgentId, splitAgentId, type TenantName } from '../ids.ts'
import type { KnownResource, TenantSnapshot } from '../snapshot.ts'
import {
  bool,
  buildEntities,
  type Entities,
  type EntityDraft,
  type EntityUid,
  entityUid,
  long,
  NO_ENTITIES,
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

/**
 * Resources and actions as policies see them. In another tenant's policies (the forbids of an agent's home) they go by
 * `<tenant>/<resource>`, so that no name there can mean one of its own.
 */
export function resourceEntities(resources: Iterable<KnownResource>, prefix = ''): Entities {
  const drafts: EntityDraft[] = Object.values(ALL_ACTIONS).map((name) => ({ uid: actionUid(name) }))
  for (const { resource, tools } of resources) {
    const name = prefix + resource.resource
    drafts.push({
      uid: entityUid('Resource', name),
      attrs: new Map<string, Value>([
        ['labels', setOf(resource.labels.map(text))],
        ['kind', text(resource.type)],
      ]),
    })
    for (const group of groupsOf(name))
      drafts.push({ uid: actionUid(group.name), parents: [actionUid(group.within)] })
    for (const tool of tools.values())
      drafts.push({
        uid: actionUid(prefix + tool.action),
        parents: parentsOf(name, tool).map(actionUid),
      })
  }
  const built = buildEntities(drafts)
  return built.ok ? built.value : NO_ENTITIES
}

/** `Agent::"support"` at home, `Agent::"operator/support"` where it is a guest. */
export function agentUid(id: AgentId, tenant: TenantName): EntityUid {
  const { home, agent } = splitAgentId(id)
  return entityUid('Agent', home === tenant ? agent : id)
}

/**
 * The agent as one tenant's policies see it. What its home declares about it counts at home only: a guest's home must not be able
 * to say of it what another tenant's permits ask for.
 */
export function agentEntity(
  id: AgentId,
  agent: Agent,
  proof: Proof,
  tenant: TenantSnapshot['tenant'],
): EntityDraft {
  const { home } = splitAgentId(id)
  const declared = home === tenant.tenant ? attributes(agent.attributes, tenant.agent_attributes) : []
  const attrs = new Map<string, Value>([
    ...declared,
    ['kind', text(agent.kind)],
    ['home', text(home)],
    ['proof', text(proof)],
    ['owner', text(agent.owner)],
  ])
  return { uid: agentUid(id, tenant.tenant as TenantName), attrs }
}

/** An attribute that the user lacks is absent: a policy that reads it can't be judged, and that denies. */
export function userEntity(user: User, tenant: TenantSnapshot['tenant']): EntityDraft {
  return {
    uid: entityUid('User', user.user),
    attrs: new Map(attributes(user.attributes, tenant.user_attributes)),
  }
}

function attributes(
  given: Attributes,
  declared: Readonly<Record<string, AttributeType>>,
): (readonly [string, Value])[] {
  const found: (readonly [string, Value])[] = []
  for (const [name, type] of Object.entries(declared)) {
    const value = Object.hasOwn(given, name) ? valueAs(type, given[name]) : undefined
    if (value !== undefined) found.push([name, value])
  }
  return found
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
