import { z } from 'zod'
import { durationSchema, nameSchema } from '../identity/name.ts'
import type { TenantName } from '../ids.ts'
import { HIGHEST, labelSchema } from './label.ts'
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
    tools: z.record(z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/), toolSchema),
  }),
  z.strictObject({
    ...common,
    type: z.literal('postgres'),
    at: z.url({ protocol: /^postgres(ql)?$/ }),
    data: z.enum(['row-security', 'none']).default('none'),
    tools: z.strictObject({ read: z.array(table).default([]), write: z.array(table).default([]) }),
  }),
])
export type Resource = z.infer<typeof resourceSchema>

/** A resource's tools under one shape. PostgreSQL: one per verb and table, `read:orders_daily`. */
export function toolsOf(resource: Resource): readonly Tool[] {
  const action = (name: string) => `${resource.resource}/${name}`
  if (resource.type === 'mcp') {
    return Object.entries(resource.tools).map(([name, { hint, input }]) =>
      input ? { name, action: action(name), hint, input } : { name, action: action(name), hint },
    )
  }
  const verbs = (hint: 'read' | 'write', tables: readonly string[]) =>
    tables.map((each) => ({ name: `${hint}:${each}`, action: action(`${hint}:${each}`), hint, table: each }))
  return [...verbs('read', resource.tools.read), ...verbs('write', resource.tools.write)]
}

/** The RFC 8707 resource and the token's `aud`: `<gateway origin>/t/<tenant>/<type>/<resource>`, per tenant even when the server behind is shared. */
export function resourceUri(
  gatewayOrigin: string,
  tenant: TenantName,
  resource: { readonly resource: string; readonly type: string },
): string {
  return `${gatewayOrigin}/t/${tenant}/${resource.type}/${resource.resource}`
}
