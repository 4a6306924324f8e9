import { z } from 'zod'
import { durationSchema, nameSchema } from '../identity/name.ts'
import type { TenantName } from '../ids.ts'
import { asksSchema } from './asks.ts'
import { contentInput, contentSchema, contentsOf, contentTool, indistinct } from './content.ts'
import { definitionsModeSchema } from './definition.ts'
import { HIGHEST, labelSchema } from './label.ts'
import { type Prompt, promptSchema, promptTool } from './prompt.ts'
import { type Tool, toolSchema } from './tool.ts'

const table = z.string().regex(/^[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?$/, {
  error: 'a table is `name` or `schema.name` in lower case',
})

const common = {
  resource: nameSchema,
  /** How sensitive what it answers is. */
  labels: z.array(labelSchema).default([]),
  /** The highest label that a session may carry and still reach it. */
  clearance: labelSchema.default(HIGHEST),
  /** Whether it answers an agent that acts for nobody. */
  alone: z.boolean().default(false),
  staleness: durationSchema.optional(),
  credential: z.strictObject({ provider: nameSchema, life: durationSchema.default('5m') }).optional(),
}

const SERVED = ['mcp', 'postgres']
const toolName = z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/)
/** What may be known of an object: what JSON says plainly. A tool's schema says which of it policy sees, as what type. */
const property = z.union([
  z.string().max(1024),
  z.number(),
  z.boolean(),
  z.array(z.string().max(1024)).max(256),
])

/**
 * Objects of one kind (todos, records) that an enforcement point of their own guards, asking by the AuthZEN API. `objects` are those
 * that are known here, with properties that win over what is said of them by who asks; others may be asked about too.
 */
const objectsSchema = z.strictObject({
  resource: nameSchema.refine((name) => !SERVED.includes(name), {
    error: 'objects can not be called `mcp` or `postgres`: who asks names other resources by these',
  }),
  type: z.literal('objects'),
  labels: common.labels,
  clearance: common.clearance,
  alone: common.alone,
  data: z.enum(['argument', 'none']).default('none'),
  objects: z.record(z.string().min(1).max(256), z.record(z.string().min(1).max(64), property)).default({}),
  tools: z.record(toolName, toolSchema),
})

/** Which of two meant what was read would be a matter of luck. */
function contentsAreDistinct(
  contents: Parameters<typeof indistinct>[0],
  { addIssue }: z.RefinementCtx,
): void {
  const [one, other] = indistinct(contents) ?? []
  if (one !== undefined && other !== undefined)
    addIssue({
      code: 'custom',
      path: [other, 'uri'],
      message: `shares URIs with \`${one}\`, and neither is the more specific`,
    })
}

/**
 * A protected target. `data` says how its data is bound to the user: by an argument that policy compares, by row security, or not at
 * all (refused for customer agents that act for a user).
 */
export const resourceSchema = z.discriminatedUnion('type', [
  z.strictObject({
    ...common,
    type: z.literal('mcp'),
    at: z.url(),
    data: z.enum(['argument', 'row-security', 'none']).default('none'),
    /** Which definitions of its tools count; the first one that is seen of each when absent. */
    definitions: definitionsModeSchema.optional(),
    tools: z.record(toolName, toolSchema),
    prompts: z.record(toolName, promptSchema).optional(),
    contents: z.record(toolName, contentSchema).superRefine(contentsAreDistinct).optional(),
    /** What its server may ask of the client; nothing when absent. */
    asks: asksSchema.optional(),
  }),
  z.strictObject({
    ...common,
    type: z.literal('postgres'),
    at: z.url({ protocol: /^postgres(ql)?$/ }),
    data: z.enum(['row-security', 'none']).default('none'),
    tools: z.strictObject({ read: z.array(table).default([]), write: z.array(table).default([]) }),
  }),
  objectsSchema,
])
type Objects = z.infer<typeof objectsSchema> & { readonly credential?: never; readonly staleness?: never }
export type Resource = Exclude<z.infer<typeof resourceSchema>, { readonly type: 'objects' }> | Objects

/**
 * A resource's tools under one shape. PostgreSQL: one for each verb and table, `read:orders_daily`. MCP: its prompts and contents beside
 * its tools, `prompt:greet`, `content:order`; no declared name has a colon in it.
 */
export function toolsOf(resource: Resource): readonly Tool[] {
  const action = (name: string) => `${resource.resource}/${name}`
  if (resource.type !== 'postgres') {
    const plain = Object.entries(resource.tools).map(([name, { hint, input }]) =>
      input ? { name, action: action(name), hint, input } : { name, action: action(name), hint },
    )
    return resource.type === 'mcp'
      ? [...plain, ...promptsOf(resource, action), ...contentToolsOf(resource, action)]
      : plain
  }
  const verbs = (hint: 'read' | 'write', tables: readonly string[]) =>
    tables.map((each) => ({ name: `${hint}:${each}`, action: action(`${hint}:${each}`), hint, table: each }))
  return [...verbs('read', resource.tools.read), ...verbs('write', resource.tools.write)]
}

type Mcp = Extract<Resource, { readonly type: 'mcp' }>

function promptsOf({ prompts = {} }: Mcp, action: (name: string) => string): readonly Tool[] {
  return Object.entries<Prompt>(prompts).map(([prompt, { hint, input }]) => {
    const name = promptTool(prompt)
    return input ? { name, action: action(name), hint, input } : { name, action: action(name), hint }
  })
}

function contentToolsOf({ contents = {} }: Mcp, action: (name: string) => string): readonly Tool[] {
  const hints = new Map(Object.entries(contents).map(([name, { hint }]) => [contentTool(name), hint]))
  return contentsOf(contents).map(({ tool: name, template }) => ({
    name,
    action: action(name),
    hint: hints.get(name) ?? 'write',
    input: contentInput(template),
  }))
}

/** What is said of a tool for people. */
export function describeTool(resource: Resource, tool: string): string | undefined {
  if (resource.type === 'postgres') return undefined
  if (resource.type !== 'mcp') return resource.tools[tool]?.description
  const [kind, name = ''] = tool.split(':')
  if (kind === 'prompt') return resource.prompts?.[name]?.description
  return kind === 'content' ? resource.contents?.[name]?.description : resource.tools[tool]?.description
}

/** The RFC 8707 resource and the token's `aud`: `<gateway origin>/t/<tenant>/<type>/<resource>`, per tenant even when the server behind is shared. */
export function resourceUri(
  gatewayOrigin: string,
  tenant: TenantName,
  resource: { readonly resource: string; readonly type: string },
): string {
  return `${gatewayOrigin}/t/${tenant}/${resource.type}/${resource.resource}`
}
