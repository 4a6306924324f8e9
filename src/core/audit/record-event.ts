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
import { Bug } from '../refusal.ts'
import type { EpochMillis } from '../time.ts'
import type { AuditDraft, AuditEvent, Openings } from './audit-event.ts'
import { isPublicField } from './classification.ts'
import { commitment, type Opening, opens } from './commitment.ts'
import { countFields, isText, OPTIONAL_FIELDS, REQUIRED_FIELDS } from './event-fields.ts'
import { LEAF_BYTES } from './leaf.ts'

/** An event before its recorder numbered it: what a gateway's Journal holds, where the chain is the numbering. */
export type UnnumberedEvent = Omit<AuditEvent, 'n'>
export type RecordedEvent = { readonly event: UnnumberedEvent; readonly openings: Openings }

/** What a recorder adds to a draft. `newSalt` gives base64url of 16 fresh random bytes each time. */
export type Marks = { readonly id: string; readonly recorder: RecorderId; readonly newSalt: () => string }

/** The most characters of one personal value. */
export const OPENING_CHARACTERS = 65_536

/** Fields that stand in the log as commitments. */
export const PERSONAL = ['user', 'input'] as const

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

/** Numbers grow; an event must fit under any of them. */
const LONGEST_NUMBER = `,"n":${Number.MAX_SAFE_INTEGER}`.length
const LONGEST_TEXT = LEAF_BYTES - LONGEST_NUMBER

/**
 * What a gateway's Journal holds of an event: canonical JSON (RFC 8785) of the completed draft, made in one go. Throws `Bug` for what
 * `parseShipped` would not take from the wire, since it would stand before everything that follows.
 */
export function shippedText(draft: AuditDraft, marks: Marks): string {
  const { input, user } = openingsOf(draft.personal, marks)
  const event = inOrder(draft, marks, input, user)
  // What the draft has beside its openings, and what was added to it: a field of another name would be missing in the count.
  const added = 3 + Number(input !== undefined) + Number(user !== undefined)
  const given = Object.keys(draft).length - Number('personal' in draft)
  if (countFields(event) !== given + added) throw new Bug('an audit draft is not one that can be shipped')
  const text = canonicalText(event)
  // A character is at most three bytes.
  if (text.length * 3 > LONGEST_TEXT && Buffer.byteLength(text) > LONGEST_TEXT) {
    throw new Bug(`an audit event has more than ${LEAF_BYTES} bytes`)
  }
  return `{"event":${text},"openings":${JSON.stringify({ input, user })}}`
}

/** Salt before value, as canonical JSON has them. */
function openingsOf(personal: AuditDraft['personal'], { newSalt }: Marks) {
  const openingOf = (field: 'input' | 'user') => {
    const value = personal?.[field]
    if (value === undefined) return undefined
    requireText(field, value)
    return { salt: newSalt(), value }
  }
  return { user: openingOf('user'), input: openingOf('input') }
}

/** The members in canonical order, those that are absent `undefined`: plain JSON of it is its canonical text. */
function inOrder(draft: AuditDraft, { id, recorder }: Marks, input?: Opening, user?: Opening) {
  return {
    agent: draft.agent,
    at: draft.at,
    bearer: draft.bearer,
    conditions: draft.conditions,
    decision: draft.decision,
    facts: draft.facts,
    id,
    input: input && commitment(input),
    kind: draft.kind,
    lease: draft.lease,
    ms: draft.ms,
    outcome: draft.outcome,
    policies: draft.policies,
    reason: draft.reason,
    recorder,
    resource: draft.resource,
    revision: draft.revision,
    session: draft.session,
    tenant: draft.tenant,
    token: draft.token,
    tool: draft.tool,
    user: user && commitment(user),
    v: 1,
  }
}

/** The names of facts come from elsewhere and may stand in any order; nothing else can. */
function canonicalText(event: ReturnType<typeof inOrder>): string {
  const names = Object.keys(event.facts ?? {})
  const sorted = names.every((name, at) => at === 0 || (names[at - 1] ?? '') < name)
  return sorted ? JSON.stringify(event) : (canonicalize(event) ?? '')
}

function requireText(field: string, value: string): void {
  if (value.length > OPENING_CHARACTERS) throw new Bug(`the audit field ${field} is too long`)
  if (value.includes('\0') || !value.isWellFormed()) throw new Bug(`the audit field ${field} is not text`)
}

const field = <T>(check: (value: unknown) => boolean) => z.custom<T>(check)

const eventSchema = z.strictObject({
  v: field<1>(REQUIRED_FIELDS.v),
  id: field<string>(REQUIRED_FIELDS.id),
  tenant: field<TenantName>(REQUIRED_FIELDS.tenant),
  recorder: field<RecorderId>(REQUIRED_FIELDS.recorder),
  at: field<EpochMillis>(REQUIRED_FIELDS.at),
  kind: field<AuditEvent['kind']>(REQUIRED_FIELDS.kind),
  outcome: field<AuditEvent['outcome']>(REQUIRED_FIELDS.outcome),
  reason: field<string>(REQUIRED_FIELDS.reason),
  decision: field<DecisionId>(OPTIONAL_FIELDS.decision).exactOptional(),
  agent: field<AgentId>(OPTIONAL_FIELDS.agent).exactOptional(),
  user: field<string>(OPTIONAL_FIELDS.user).exactOptional(),
  session: field<SessionId>(OPTIONAL_FIELDS.session).exactOptional(),
  resource: field<string>(OPTIONAL_FIELDS.resource).exactOptional(),
  tool: field<string>(OPTIONAL_FIELDS.tool).exactOptional(),
  input: field<string>(OPTIONAL_FIELDS.input).exactOptional(),
  policies: field<string[]>(OPTIONAL_FIELDS.policies).exactOptional(),
  conditions: field<string[]>(OPTIONAL_FIELDS.conditions).exactOptional(),
  revision: field<Revision>(OPTIONAL_FIELDS.revision).exactOptional(),
  lease: field<LeaseId>(OPTIONAL_FIELDS.lease).exactOptional(),
  token: field<TokenId>(OPTIONAL_FIELDS.token).exactOptional(),
  bearer: field<boolean>(OPTIONAL_FIELDS.bearer).exactOptional(),
  ms: field<number>(OPTIONAL_FIELDS.ms).exactOptional(),
  facts: field<Record<string, string | number | boolean>>(OPTIONAL_FIELDS.facts).exactOptional(),
})
const text = (max: number) => z.custom<string>((value) => isText(value, max))
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
