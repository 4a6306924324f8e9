import { AUTHZEN_RESOURCE, AUTHZEN_TOOLS } from './authzen-resource.ts'
import { FACTS_RESOURCE, FACTS_TOOLS } from './facts-resource.ts'
import { HIGHEST, type Label } from './label.ts'
import type { Resource } from './resource.ts'
import type { Tool } from './tool.ts'

type Name = typeof FACTS_RESOURCE | typeof AUTHZEN_RESOURCE

/** A resource that every tenant has without declaring it. Its type is its name. It answers agents that act for nobody. */
export type BuiltInResource = {
  readonly resource: Name
  readonly type: Name
  readonly labels: readonly Label[]
  readonly clearance: Label
  readonly alone: true
  readonly data: 'none'
  readonly staleness?: never
  readonly credential?: never
}

type Known = { readonly resource: BuiltInResource; readonly tools: ReadonlyMap<string, Tool> }

function known(resource: Name, tools: readonly Tool[]): readonly [Name, Known] {
  const common = { labels: [], clearance: HIGHEST, alone: true, data: 'none' } as const
  const own = { resource, type: resource, ...common }
  return [resource, { resource: own, tools: new Map(tools.map((tool) => [tool.name, tool])) }]
}

/** By name. No document of a tenant can have one of these names. */
export const BUILT_IN: ReadonlyMap<string, Known> = new Map([
  known(FACTS_RESOURCE, FACTS_TOOLS),
  known(AUTHZEN_RESOURCE, AUTHZEN_TOOLS),
])

export function isDeclared(resource: Resource | BuiltInResource): resource is Resource {
  return !BUILT_IN.has(resource.resource)
}
