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
  const all = `${action.slice(0, action.indexOf('/'))}/*`
  return delegation.tools.some((tool) => tool === action || tool === all)
}
