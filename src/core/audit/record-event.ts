import canonicalize from 'canonicalize'
import { z } from 'zod'
import type {
  AgentId,
  DecisionId,
  LeaseId,
  RecorderId,
  Revision,
  SessionId,
  TenantName,
  TokenId,
} from '../ids.ts'
import { isName, parseAgentId } from '../ids.ts'
import { Bug } from '../refusal.ts'
import type { EpochMillis } from '../time.ts'
import type { AuditDraft, AuditEvent, Openings } from './audit-event.ts'
import { isPublicField } from './classification.ts'
import { commitment, opens } from './commitment.ts'

/** An event before its recorder numbered it: what a gateway's Journal holds, where the chain is the numbering. */
export type UnnumberedEvent = Omit<AuditEvent, 'n'>
export type RecordedEvent = { readonly event: UnnumberedEvent; readonly openings: Openings }

/** What a recorder adds to a draft. `newSalt` gives base64url of 16 fresh random bytes each time. */
export type Marks = { readonly id: string; readonly recorder: RecorderId; readonly newSalt: () => string }

/** The most bytes that one leaf may have, and the most characters of one personal value. */
export const LEAF_BYTES = 32_768
export const OPENING_CHARACTERS = 65_536

const PERSONAL = ['user', 'input'] as const

/**
 * Completes a draft: personal values leave it for their openings, commitments take their place. Throws `Bug` for a field that is
 * not classified and for text that the log can't hold (NUL, a lone surrogate).
 */
export function completeDraft(draft: AuditDraft, marks: Marks): RecordedEvent {
  const { personal = {}, ...fields } = draft
  for (const [field, value] of Object.entries(fields)) {
    if (!isPublicField(field)) throw new Bug(`an audit draft has the field ${field}, which is not classified`)
    if (typeof value === 'string') requireText(field, value)
  }
  const openings: Record<string, { readonly salt: string; readonly value: string }> = {}
  const committed: Record<string, string> = {}
  for (const field of PERSONAL) {
    const value = personal[field]
    if (value === undefined) continue
    requireText(field, value)
    openings[field] = { salt: marks.newSalt(), value }
    committed[field] = commitment(openings[field])
  }
  return { event: { v: 1, id: marks.id, recorder: marks.recorder, ...fields, ...committed }, openings }
}

/** The leaf of a tenant's log: canonical JSON (RFC 8785) of the event under its number. Throws `Bug` when it is too large. */
export function leafOf(event: UnnumberedEvent, n: number): string {
  const leaf = canonicalize({ ...event, n })
  if (leaf === undefined || leaf.length > LEAF_BYTES || Buffer.byteLength(leaf) > LEAF_BYTES) {
    throw new Bug(`an audit event has more than ${LEAF_BYTES} bytes`)
  }
  return leaf
}

function requireText(field: string, value: string): void {
  if (value.length > OPENING_CHARACTERS) throw new Bug(`the audit field ${field} is too long`)
  if (value.includes('\0') || !value.isWellFormed()) throw new Bug(`the audit field ${field} is not text`)
}

const isText = (value: unknown, max: number): value is string =>
  typeof value === 'string' && value.length <= max && value.isWellFormed() && !value.includes('\0')
const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0
const text = (max: number) => z.custom<string>((value) => isText(value, max))
/** A string of a branded type; an id is opaque here, whoever made it. */
const id = <T extends string>() => z.custom<T>((value) => value !== '' && isText(value, 200))
const names = z.array(text(300)).max(256)
const scalar = z.union([text(2_048), z.number(), z.boolean()])

const eventSchema = z.strictObject({
  v: z.literal(1),
  id: id<string>(),
  tenant: z.custom<TenantName>((value) => typeof value === 'string' && isName(value)),
  recorder: id<RecorderId>(),
  at: z.custom<EpochMillis>(isCount),
  kind: z.enum([
    'decision',
    'outcome',
    'attest',
    'issue',
    'session',
    'lease',
    'revocation',
    'admin',
    'fact',
    'gateway',
    'alarm',
  ]),
  outcome: z.enum(['allow', 'deny', 'ask', 'done', 'failed']),
  reason: text(200),
  decision: id<DecisionId>().exactOptional(),
  agent: z
    .custom<AgentId>((value) => typeof value === 'string' && parseAgentId(value) !== undefined)
    .exactOptional(),
  user: z.string().length(43).exactOptional(),
  session: id<SessionId>().exactOptional(),
  resource: text(2_048).exactOptional(),
  tool: text(512).exactOptional(),
  input: z.string().length(43).exactOptional(),
  policies: names.exactOptional(),
  conditions: names.exactOptional(),
  revision: z.custom<Revision>(isCount).exactOptional(),
  lease: id<LeaseId>().exactOptional(),
  token: id<TokenId>().exactOptional(),
  bearer: z.boolean().exactOptional(),
  ms: z.number().nonnegative().exactOptional(),
  facts: z.record(text(100), scalar).exactOptional(),
})
const openingSchema = z.strictObject({ salt: z.string(), value: text(OPENING_CHARACTERS) }).exactOptional()
const bodySchema = z.strictObject({
  event: eventSchema,
  openings: z.strictObject({ user: openingSchema, input: openingSchema }),
})

/**
 * Reads an event that a gateway shipped; `undefined` when anything in it is not as it must be: another recorder's name, an unknown
 * field, a personal field whose opening doesn't open it, an opening of nothing.
 */
export function parseShipped(body: unknown, recorder: RecorderId): RecordedEvent | undefined {
  const read = bodySchema.safeParse(body)
  if (!read.success || read.data.event.recorder !== recorder) return undefined
  const { event, openings } = read.data
  const opened = PERSONAL.every((field) => {
    const [committed, opening] = [event[field], openings[field]]
    if (committed === undefined || opening === undefined) return committed === opening
    return opens(committed, opening)
  })
  return opened ? { event, openings } : undefined
}
