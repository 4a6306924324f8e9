import { z } from 'zod'
import { nameSchema } from './name.ts'

/** Groups that an agent, a user or another group may name as its own. */
export const MOST_GROUPS = 32
/** Groups that one may be in by way of others: each decision looks at all that its caller is in. */
export const MOST_GROUPS_ABOVE = 64

/** Agents or users of a tenant whom policies name together. Whoever is in a group is in the groups that it is `in`. */
export const groupSchema = z.strictObject({
  group: nameSchema,
  of: z.enum(['agents', 'users']),
  in: z.array(nameSchema).max(MOST_GROUPS).default([]),
})
export type Group = z.infer<typeof groupSchema>

/** What agents and users say of themselves. */
export const groupsSchema = z.array(nameSchema).max(MOST_GROUPS).default([])
