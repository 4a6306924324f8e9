import { z } from 'zod'
import { attributesSchema, durationSchema, nameSchema } from '../identity/name.ts'
import type { TenantName } from '../ids.ts'
import type { LongExplanation } from './explain.ts'
import { labelSchema } from './label.ts'

/** A fact that counts as reported about the agent, `age` before the moment that is asked about. */
const factSchema = z.strictObject({
  source: nameSchema,
  says: z.string().min(1).max(200),
  age: durationSchema.default('0s'),
})

/** A user of the tenant by name; or, where the provider brings users that nobody listed, one with these attributes. */
const userSchema = z.union([
  z.string().min(1).max(200),
  z.strictObject({ user: z.string().min(1).max(200), attributes: attributesSchema.default({}) }),
])

const names = z.union([z.string().min(1).max(120), z.array(z.string().min(1).max(120)).min(1)])

/** What a request is made of; `given` at the head of a file may say any of it for all that follow. */
const asked = {
  agent: z.string().min(1).max(100),
  user: userSchema.optional(),
  /** `orders/get_order`. */
  tool: z.string().min(3).max(200).optional(),
  /** A resource, to ask whether it may be entered at all. */
  enter: nameSchema.optional(),
  input: z.record(z.string(), z.json()).optional(),
  at: z.iso
    .datetime({ offset: true, error: 'a time is ISO 8601 with its zone, such as 2026-11-24T09:00:00Z' })
    .optional(),
  address: z.union([z.ipv4(), z.ipv6()], { error: 'an address is IPv4 or IPv6' }).optional(),
  facts: z.array(factSchema).max(50).default([]),
  /** The label that the session carries by what it reached before. */
  carries: labelSchema.optional(),
  proof: z.enum(['attested', 'enrolled', 'claimed']).default('attested'),
}

/**
 * A request with the answer that is expected of it, written beside the policies: who, for whom, what, when, from where, knowing what.
 * Where no user is named the agent acts for nobody.
 */
export const policyCaseSchema = z
  .strictObject({
    case: z.string().min(1).max(200),
    ...asked,
    expect: z.enum(['allow', 'deny', 'ask']),
    /** The stable reason, such as `user.no_permit`. */
    reason: z.string().min(1).max(100).optional(),
    /** Policies that must be among those that decided. */
    by: names.optional(),
  })
  .refine((one) => (one.tool === undefined) !== (one.enter === undefined), {
    error: 'a case says `tool` or `enter`, one of them',
  })
export type PolicyCase = z.infer<typeof policyCaseSchema>

/** What a file of cases may say once for all of them. */
export const givenSchema = z.strictObject(asked).partial()

/** A case with where it stands. */
export type PlacedCase = {
  readonly tenant: TenantName
  readonly path: string
  readonly line: number
  readonly column: number
  readonly what: PolicyCase
}

/** What a case came to. `misses` says in which way it is not as expected; none when it is. */
export type CaseResult = Omit<PlacedCase, 'what'> & {
  readonly case: string
  readonly expected: Pick<PolicyCase, 'expect' | 'reason' | 'by'>
  readonly misses: readonly string[]
  readonly explained: LongExplanation
}
