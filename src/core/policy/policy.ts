import { z } from 'zod'
import { parseUid } from './cedar/cedar.ts'

const nameSchema = z.string().min(1).max(120)

/** What is stored of Cedar text. `est` is Cedar's JSON form as JSON text, since a JavaScript number would lose integers beyond 2^53. */
const written = {
  effect: z.enum(['permit', 'forbid']),
  text: z.string().max(32_768),
  est: z.string().max(262_144),
}

/** A Cedar permit or forbid that is written out. Stored only after strict validation. */
export const writtenPolicySchema = z.strictObject({ policy: nameSchema, ...written })
export type WrittenPolicy = z.infer<typeof writtenPolicySchema>

/** A Cedar permit or forbid with slots, `?principal` and `?resource`. By itself it decides nothing. */
export const templateSchema = z.strictObject({ template: nameSchema, ...written })
export type Template = z.infer<typeof templateSchema>

/** An entity as policies name it: `User::"ana@a.example"`. */
const slotSchema = z
  .string()
  .max(600)
  .refine((text) => parseUid(text) !== undefined, 'name one as policies do, such as `User::"ana@a.example"`')

/** A policy that is made of a template by filling its slots. Its effect is the template's. */
export const linkedPolicySchema = z.strictObject({
  policy: nameSchema,
  template: nameSchema,
  principal: slotSchema.exactOptional(),
  resource: slotSchema.exactOptional(),
})
export type LinkedPolicy = z.infer<typeof linkedPolicySchema>

/** Both have one name space: decisions, quarantines and people name a policy, however it is made. */
export const policySchema = z.union([writtenPolicySchema, linkedPolicySchema])
export type Policy = z.infer<typeof policySchema>

export function isLinked(policy: Policy): policy is LinkedPolicy {
  return 'template' in policy
}
