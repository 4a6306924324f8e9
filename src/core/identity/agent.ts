import { z } from 'zod'
import { groupsSchema } from './group.ts'
import { attributesSchema, durationSchema, nameSchema, seconds } from './name.ts'

/** What attestation must prove. `trust` names the TrustProvider; every other key is a selector type with its value. */
export const provenBySchema = z.looseObject({ trust: nameSchema }).catchall(z.string().min(1).max(512))
export type ProvenBy = z.infer<typeof provenBySchema>

/** A registered workload that chooses its own actions. Life cycle: `active` may act; `suspended` may come back; `retired` may not. */
export const agentSchema = z.strictObject({
  agent: nameSchema,
  kind: z.enum(['workforce', 'customer']),
  owner: z.email(),
  is: provenBySchema,
  state: z.enum(['active', 'suspended', 'retired']).default('active'),
  dpop: z.enum(['required', 'optional']).optional(),
  token_life: durationSchema.optional(),
  session_life: durationSchema.optional(),
  attributes: attributesSchema.default({}),
  groups: groupsSchema,
})
export type Agent = z.infer<typeof agentSchema>

/** How an agent proved itself: by its runtime, by a standing key (reported as such), or not at all (a public client). */
export type Proof = 'attested' | 'enrolled' | 'claimed'

/** Safe defaults by kind, in seconds: customer agents face the outside, so their tokens and sessions are shorter. */
export const KIND_DEFAULTS = {
  workforce: { tokenLife: 300, sessionLife: 28_800 },
  customer: { tokenLife: 180, sessionLife: 3600 },
} as const

export function tokenLife(agent: Agent): number {
  return agent.token_life ? seconds(agent.token_life) : KIND_DEFAULTS[agent.kind].tokenLife
}

export function sessionLife(agent: Agent): number {
  return agent.session_life ? seconds(agent.session_life) : KIND_DEFAULTS[agent.kind].sessionLife
}

/** DPoP is required of attested agents unless their entry says otherwise; an optional one is shown as `bearer`. */
export function dpopRequired(agent: Agent, proof: Proof): boolean {
  return (agent.dpop ?? (proof === 'attested' ? 'required' : 'optional')) === 'required'
}
