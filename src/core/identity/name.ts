import { z } from 'zod'
import { isName } from '../ids.ts'
import { parseDuration } from '../time.ts'

/** A name in configuration, URLs and tokens: 1 to 40 of a-z 0-9 and inner hyphens. */
export const nameSchema = z.string().refine(isName, {
  error: 'a name is 1 to 40 characters of a-z, 0-9 and hyphens inside',
})

/** `orders` at home, `operator/support` from another home. */
export const agentRefSchema = z
  .string()
  .refine((text) => text.split('/').length <= 2 && text.split('/').every(isName), {
    error: 'an agent is named `agent`, or `home-tenant/agent` when its home is another tenant',
  })

/** `90s`, `5m`, `1h`, `30d`. Kept as text in documents; `seconds()` reads it. */
export const durationSchema = z.string().refine((text) => parseDuration(text) !== undefined, {
  error: 'a duration is a number with s, m, h or d, such as 90s, 5m or 1h',
})

/** Seconds of a duration that `durationSchema` accepted. */
export function seconds(duration: string): number {
  return parseDuration(duration) ?? 0
}

/** The types an attribute of an agent or a user may have: they become Cedar attributes of the same type. */
export const attributeTypeSchema = z.enum(['String', 'Long', 'Bool', 'Set<String>'])
export type AttributeType = z.infer<typeof attributeTypeSchema>

export const attributeNameSchema = z.string().regex(/^[a-z][a-z0-9_]{0,39}$/, {
  error: 'an attribute is named with a-z, 0-9 and underscores, starting with a letter',
})
export const attributeTypesSchema = z.record(attributeNameSchema, attributeTypeSchema)
export const attributesSchema = z.record(
  attributeNameSchema,
  z.union([z.string().max(1024), z.int(), z.boolean(), z.array(z.string().max(1024)).max(256)]),
)
export type Attributes = z.infer<typeof attributesSchema>
