import { z } from 'zod'
import type { TenantName } from '../ids.ts'
import { attributeTypesSchema, durationSchema, nameSchema } from './name.ts'

/**
 * A tenant: the wall (ARCHITECTURE §3). `operator` is the tenant of the company that runs Countersign.
 * `staleness` is how old a gateway's view may be before it refuses this tenant's calls (§9); a resource may ask for less.
 */
export const tenantSchema = z.strictObject({
  tenant: nameSchema,
  display: z.string().max(80).optional(),
  state: z.enum(['active', 'suspended']).default('active'),
  user_attributes: attributeTypesSchema.default({}),
  agent_attributes: attributeTypesSchema.default({}),
  staleness: durationSchema.default('30s'),
})
export type Tenant = z.infer<typeof tenantSchema>

export const OPERATOR = 'operator' as TenantName

/** The issuer of a tenant's tokens: `<authority origin>/t/<tenant>`. The origin is configured, never taken from a request. */
export function issuerOf(authorityOrigin: string, tenant: TenantName): string {
  return `${authorityOrigin}/t/${tenant}`
}
