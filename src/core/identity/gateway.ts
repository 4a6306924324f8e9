import { z } from 'zod'
import { provenBySchema } from './agent.ts'
import { nameSchema } from './name.ts'

/** An enforcement point: an attested workload of the operator's tenant that serves the listed tenants, and sees only those. */
export const gatewaySchema = z.strictObject({
  gateway: nameSchema,
  is: provenBySchema,
  tenants: z.array(nameSchema).min(1),
  resources: z.array(nameSchema).optional(),
})
export type Gateway = z.infer<typeof gatewaySchema>
