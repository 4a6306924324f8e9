import type { Json } from '../core/policy/access-request.ts'
import type { KnownResource, TenantSnapshot } from '../core/snapshot.ts'

export type Properties = { readonly [name: string]: Json }

/** A subject or a resource of AuthZEN: `id` is unique among those of its `type` (Authorization API 1.0 §5.1, §5.2). */
export type Entity = { readonly type: string; readonly id: string; readonly properties?: Properties }

/** One question of an enforcement point (§6.1). Everything in it is its word; what of that counts is said where it is used. */
export type Evaluation = {
  readonly subject: Entity
  readonly action: { readonly name: string; readonly properties?: Properties }
  readonly resource: Entity
  readonly context?: Properties
}

/** What a question is about here. `known` is absent where there is no such thing; `name` is then no resource's name. */
export type AskedResource = { readonly name: string; readonly known?: KnownResource }

/** Types whose `id` is the name of one of our resources. Any other type is itself the name of a resource of objects. */
const SERVED: ReadonlySet<string> = new Set(['mcp', 'postgres'])

export function isServed(type: string): boolean {
  return SERVED.has(type)
}

/**
 * The resource that an entity means: `{ type: "mcp", id: "orders" }` is the MCP server `orders`, `{ type: "todo", id: "todo-1" }` an
 * object of the resource `todo`. Built-in resources can't be asked about.
 */
export function resourceAsked(tenant: TenantSnapshot, { type, id }: Entity): AskedResource {
  const known = tenant.resources.get(isServed(type) ? id : type)
  const wanted = isServed(type) ? type : 'objects'
  if (known?.resource.type === wanted) return { name: known.resource.resource, known }
  return { name: `unknown:${type}` }
}

/**
 * What the tool's schema can be shown of a question: for one of our own tools its arguments, which are properties of the action; for
 * objects everything that was said, each in its place. What the tenant declared of an object wins over what is said of it, and its
 * `id` over both.
 */
export function inputAsked({ known }: AskedResource, asked: Evaluation): Json {
  const { subject, action, resource, context } = asked
  if (isServed(resource.type)) return action.properties ?? {}
  return {
    subject: subject.properties ?? {},
    action: action.properties ?? {},
    resource: { ...resource.properties, ...declaredOf(known, resource.id), id: resource.id },
    context: context ?? {},
  }
}

function declaredOf(known: KnownResource | undefined, id: string): Properties {
  const objects = known?.resource.type === 'objects' ? known.resource.objects : {}
  return Object.hasOwn(objects, id) ? (objects[id] ?? {}) : {}
}
