import type { AttributeType } from '../identity/name.ts'
import type { Tenant } from '../identity/tenant.ts'
import { BUILT_IN } from './built-in-resources.ts'
import { text } from './cedar/cedar.ts'
import { literal } from './cedar/render.ts'
import { AGENT_ATTRIBUTES, ALL_ACTIONS, groupsOf, parentsOf } from './entities.ts'
import { type Resource, toolsOf } from './resource.ts'
import type { InputSchema, Tool } from './tool.ts'

/** What a tenant's schema is made of; a `TenantSnapshot` has both, and so has a configuration that is being read. */
export type SchemaParts = {
  readonly tenant: Pick<Tenant, 'user_attributes' | 'agent_attributes'>
  readonly resources: Iterable<Resource>
}

/**
 * The tenant's Cedar schema, for strict validation when policies are written. Every tool of every resource is an action with the
 * type of its input; an admitted agent is an Agent like one that lives here. Declared attributes of users and agents are required, so
 * a policy may compare them without asking first: who lacks one is refused as `policy.error`.
 */
export function cedarSchemaOf({ tenant, resources }: SchemaParts): string {
  const actions = [...resources]
    .filter(({ resource }) => !BUILT_IN.has(resource))
    .flatMap((resource) => actionsOf(resource.resource, toolsOf(resource)))
  return `${[
    'entity AgentGroup in [AgentGroup];',
    'entity UserGroup in [UserGroup];',
    entity('Agent in [AgentGroup]', [
      ...AGENT_ATTRIBUTES.map(asString),
      ...agentAttributes(tenant.agent_attributes),
    ]),
    entity('User in [UserGroup]', Object.entries(tenant.user_attributes).map(attribute)),
    entity('Resource', [field('labels', 'Set<String>'), field('kind', 'String')]),
    ...Object.values(ALL_ACTIONS).map((name) => `action ${quote(name)};`),
    ...[...BUILT_IN].flatMap(([name, { tools }]) => actionsOf(name, [...tools.values()])),
    ...actions,
  ].join('\n')}\n`
}

function quote(name: string): string {
  return literal(text(name))
}

function entity(name: string, fields: readonly string[]): string {
  return fields.length === 0 ? `entity ${name};` : `entity ${name} = { ${fields.join(', ')} };`
}

function field(name: string, type: string, required = true): string {
  return `${quote(name)}${required ? '' : '?'}: ${type}`
}

const BASE: Readonly<Record<AttributeType, string>> = {
  String: '__cedar::String',
  Long: '__cedar::Long',
  Bool: '__cedar::Bool',
  'Set<String>': 'Set<__cedar::String>',
}

function asString(name: string): string {
  return field(name, '__cedar::String')
}

function attribute([name, type]: readonly [string, AttributeType]): string {
  return field(name, BASE[type])
}

function agentAttributes(declared: Tenant['agent_attributes']): readonly string[] {
  const own: readonly string[] = AGENT_ATTRIBUTES
  return Object.entries(declared)
    .filter(([name]) => !own.includes(name))
    .map(attribute)
}

function actionsOf(resource: string, tools: readonly Tool[]): readonly string[] {
  const groups = groupsOf(resource).map(({ name, within }) => `action ${quote(name)} in [${quote(within)}];`)
  return [...groups, ...tools.map((tool) => actionOf(resource, tool))]
}

function actionOf(resource: string, tool: Tool): string {
  const parents = parentsOf(resource, tool).map(quote).join(', ')
  const context = [
    field('conditions', BASE['Set<String>']),
    field('agent', 'Agent'),
    field('user', 'User', false),
    field('address', '__cedar::ipaddr', false),
    field('input', inputType(tool.input)),
  ]
  const applies = `principal: [Agent, User], resource: [Resource], context: { ${context.join(', ')} }`
  return `action ${quote(tool.action)} in [${parents}] appliesTo { ${applies} };`
}

/** The type of what `projectInput` makes of the same schema. */
function inputType(schema: InputSchema | undefined): string {
  return schema === undefined ? '{}' : typeOf({ ...schema, type: 'object' })
}

function typeOf(schema: InputSchema): string {
  switch (schema.type) {
    case 'string':
      return BASE.String
    case 'boolean':
      return BASE.Bool
    case 'integer':
      return BASE.Long
    case 'number':
      return '__cedar::decimal'
    case 'array':
      return `Set<${typeOf(schema.items ?? { type: 'string' })}>`
    case 'object': {
      const fields = Object.entries(schema.properties ?? {}).map(([name, declared]) =>
        field(name, typeOf(declared), schema.required?.includes(name) ?? false),
      )
      return `{ ${fields.join(', ')} }`
    }
  }
}
