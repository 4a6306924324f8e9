import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { TenantName, UserId } from '../ids.ts'
import { groupsSchema } from './group.ts'
import { attributesSchema, nameSchema } from './name.ts'

/** The person an agent acts for. A user is (tenant, `iss`, `sub`); `user` is for people to read and decides nothing. */
export const userSchema = z.strictObject({
  user: z.string().min(1).max(200),
  idp: nameSchema,
  sub: z.string().min(1).max(255),
  state: z.enum(['active', 'suspended']).default('active'),
  attributes: attributesSchema.default({}),
  groups: groupsSchema,
  /** Written at a sign-in, for a provider whose users need not be listed; never in files. */
  registered: z.literal(true).optional(),
})
export type User = z.infer<typeof userSchema>

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/** 16 characters of base32 over SHA-256 of the length-prefixed parts, so that no two triples can run together. */
export function userId(tenant: TenantName, iss: string, sub: string): UserId {
  const hash = createHash('sha256')
  for (const part of [tenant, iss, sub]) hash.update(`${Buffer.byteLength(part)}:`).update(part)
  const bytes = hash.digest().subarray(0, 16)
  let text = 'usr_'
  for (const byte of bytes) text += ALPHABET.charAt(byte & 31)
  return text as UserId
}
