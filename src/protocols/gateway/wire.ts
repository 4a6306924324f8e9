import { z } from 'zod'
import { type CredentialAsk, MOST_SEEN, type SeenDefinitions } from '../../core/enforcement.ts'
import { isName, type RecorderId } from '../../core/ids.ts'
import type { Json } from '../../core/policy/access-request.ts'
import type { ShippedRecord } from '../../core/ports.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { type EngineReport, MOST_POLICIES } from '../../flows/engine-reports.ts'

const name = z.string().refine(isName)
/** Its shape only: whose number it is, the Store knows. */
const recorderSchema = z.string().regex(/^rec_[a-z0-9]{1,40}$/)

const askSchema = z.strictObject({
  tenant: name,
  resource: name,
  tool: z.string().min(1).max(200).optional(),
  input: z.json().optional(),
  decision: z.string().regex(/^dec_[a-z0-9-]{1,60}$/),
  presented: z.strictObject({
    authorization: z.string().max(20_000),
    dpop: z.string().max(8192).optional(),
    method: z.string().max(10),
    url: z.string().max(1000),
  }),
  address: z.string().max(60).optional(),
  challenge: z
    .strictObject({
      status: z.union([z.literal(401), z.literal(403)]),
      authenticate: z.string().max(4096),
      shown: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
    })
    .optional(),
})

const ackSchema = z.strictObject({ revision: z.int().nonnegative() })

/** Only the chain's own fields; what an event must be, the Store checks before it takes any. */
const recordSchema = z.strictObject({
  n: z.int().positive(),
  prev: z.string().length(43),
  hash: z.string().length(43),
  body: z.looseObject({}),
})
const shipmentSchema = z.strictObject({
  recorder: recorderSchema,
  records: z.array(recordSchema).min(1).max(1000),
})

const count = z.int().nonnegative()
const reportSchema = z.strictObject({
  counts: z.strictObject({ again: count, differed: count, dropped: count }),
  doubts: z
    .array(
      z.strictObject({
        tenant: name,
        policies: z.array(z.string().min(1).max(120)).min(1).max(MOST_POLICIES),
        decision: z.string().regex(/^dec_[a-z0-9-]{1,60}$/),
        says: z.string().max(500),
      }),
    )
    .max(64),
})

const seenSchema = z.strictObject({
  tenant: name,
  resource: name,
  seen: z
    .array(z.strictObject({ tool: z.string().min(1).max(200), definition: z.json() }))
    .min(1)
    .max(MOST_SEEN),
})

export type Shipment = { readonly recorder: RecorderId; readonly records: readonly ShippedRecord[] }

export function readAsk(json: unknown): Result<CredentialAsk, Refusal> {
  const read = askSchema.safeParse(json)
  if (!read.success)
    return malformed('a question: tenant, resource, tool, input, decision and what was presented')
  const { tool, input, ...rest } = read.data
  const called = tool === undefined ? {} : { tool, input: (input ?? {}) as Json }
  return ok({ ...rest, ...called } as CredentialAsk)
}

export function readAck(json: unknown): Result<number, Refusal> {
  const read = ackSchema.safeParse(json)
  return read.success ? ok(read.data.revision) : malformed('{ "revision": number }')
}

export function readReport(json: unknown): Result<EngineReport, Refusal> {
  const read = reportSchema.safeParse(json)
  return read.success
    ? ok(read.data as unknown as EngineReport)
    : malformed('what the engines said: `counts`, and `doubts` about policies')
}

export function readSeen(json: unknown): Result<SeenDefinitions, Refusal> {
  const read = seenSchema.safeParse(json)
  return read.success
    ? ok(read.data as unknown as SeenDefinitions)
    : malformed('a tenant, a resource, and what was seen of its tools')
}

export function readShipment(json: unknown): Result<Shipment, Refusal> {
  const read = shipmentSchema.safeParse(json)
  return read.success
    ? ok(read.data as unknown as Shipment)
    : malformed('a recorder and 1 to 1000 of its records')
}

export function readRecorder(text: string | undefined): Result<RecorderId, Refusal> {
  const read = recorderSchema.safeParse(text)
  return read.success ? ok(read.data as RecorderId) : malformed('asked for by ?recorder=rec_…')
}

function malformed(what: string): Result<never, Refusal> {
  return err(refuse('malformed', 'gateway.body', `What is expected here is ${what}.`))
}
