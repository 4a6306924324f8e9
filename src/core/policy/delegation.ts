import { z } from 'zod'
import { agentRefSchema, nameSchema } from '../identity/name.ts'

/**
 * A recorded, revocable permission for an agent to act for a user. `user` is a user's name, or `*` for every user of the tenant.
 * `tools` are `resource/tool` or `resource/*`.
 */
export const delegationSchema = z.strictObject({
  delegation: nameSchema,
  agent: agentRefSchema,
  user: z.string().min(1).max(200),
  tools: z.array(z.string().regex(/^[a-z0-9-]+\/(\*|[A-Za-z0-9_.:-]+)$/)).min(1),
  until: z.iso.datetime().optional(),
})
export type Delegation = z.infer<typeof delegationSchema>

/** Whether the delegation names this tool (`orders/get_order`). */
export function covers(delegation: Delegation, action: string): boolean {
  for (const tool of delegation.tools) if (tool === action || isAllAround(tool, action)) return true
  return false
}

/** Whether it is `orders/*`, and this is one of those. */
function isAllAround(tool: string, action: string): boolean {
  return tool.endsWith('/*') && action.startsWith(tool.slice(0, -1))
}
