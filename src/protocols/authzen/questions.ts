import { z } from 'zod'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import type { Evaluation, Properties } from '../../flows/asked-resource.ts'
import type { Evaluations } from '../../flows/evaluate-access.ts'
import type { Search } from '../../flows/search-access.ts'

/** Most questions in one request. */
export const MOST_EVALUATIONS = 256

/** Characters. Longer names are no names of ours, and a record must hold them. */
const name = z.string().max(256)
/** The door has read the body as JSON, so what is in it is JSON. */
const properties = z.record(z.string(), z.unknown()) as unknown as z.ZodType<Properties>

// Authorization API 1.0 §10.1.1: fields that nobody knows are ignored, so no object here is strict.
const entitySchema = z.object({ type: name, id: name, properties: properties.optional() })
const actionSchema = z.object({ name, properties: properties.optional() })
/** What an asker may say of the pair: who acts for a user, and whom an agent acts for. Names, or the question can't be read. */
const contextSchema = z.looseObject({ agent: name.optional(), user: name.optional() })
const evaluationSchema = z.object({
  subject: entitySchema,
  action: actionSchema,
  resource: entitySchema,
  context: contextSchema.optional(),
})

/** §7.1.2: whole-object defaults. `options.explain` is ours: each answer then says why. */
const optionsSchema = z.object({
  evaluations_semantic: z.enum(['execute_all', 'deny_on_first_deny', 'permit_on_first_permit']).optional(),
  explain: z.boolean().optional(),
})
const askSchema = z.object({ options: optionsSchema.optional() })
const batchSchema = askSchema.extend({ evaluations: z.array(z.record(z.string(), z.unknown())).optional() })

/** How the answer is to be shaped: one decision or a list, with reasons or without. */
export type AnswerShape = { readonly batch: boolean; readonly explain: boolean }
export type Asked<T> = { readonly asked: Result<T, Refusal>; readonly shape: AnswerShape }

const ONE: AnswerShape = { batch: false, explain: false }
const UNTIL = { execute_all: undefined, deny_on_first_deny: 'deny', permit_on_first_permit: 'allow' } as const

/** Reads an Access Evaluation request (§6.1). */
export function readEvaluation(json: unknown): Asked<Evaluations> {
  const options = askSchema.safeParse(json)
  if (!options.success) return { asked: malformed(options.error), shape: ONE }
  const read = readOne(json)
  const shape = { batch: false, explain: options.data.options?.explain === true }
  return { asked: read.ok ? ok({ each: [read] }) : read, shape }
}

/**
 * Reads an Access Evaluations request (§7.1). Without `evaluations`, or with none in it, it is a single one. A question that can't be
 * read is a no in its place; the request is refused only where it is wrong as a whole.
 */
export function readEvaluations(json: unknown): Asked<Evaluations> {
  const batch = batchSchema.safeParse(json)
  if (!batch.success) return { asked: malformed(batch.error), shape: ONE }
  const { evaluations = [], options = {} } = batch.data
  if (evaluations.length === 0) return readEvaluation(json)
  const shape = { batch: true, explain: options.explain === true }
  if (evaluations.length > MOST_EVALUATIONS) return { asked: TOO_MANY, shape }
  const { subject, action, resource, context } = json as Readonly<Record<string, unknown>>
  const defaults = given({ subject, action, resource, context })
  const each = evaluations.map((one) => readOne({ ...defaults, ...one }))
  const until = UNTIL[options.evaluations_semantic ?? 'execute_all']
  return { asked: ok(until === undefined ? { each } : { each, until }), shape }
}

function given(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function readOne(json: unknown): Result<Evaluation, Refusal> {
  const read = evaluationSchema.safeParse(json)
  return read.success ? ok(read.data as Evaluation) : malformed(read.error)
}

const TOO_MANY: Result<never, Refusal> = err(
  refuse('malformed', 'evaluation.too_many', `One request has at most ${MOST_EVALUATIONS} evaluations.`),
)

// §8.4 to §8.6: the `id` of what is looked for is ignored, whatever it is; everything else is as in an evaluation.
const soughtSchema = z
  .object({ type: name, properties: properties.optional() })
  .transform((each) => ({ ...each, id: '' }))
const pageSchema = z.object({
  token: z.string().max(512).optional(),
  limit: z.int().nonnegative().optional(),
})
const searchSchemas = {
  subject: evaluationSchema.extend({ subject: soughtSchema, page: pageSchema.optional() }),
  resource: evaluationSchema.extend({ resource: soughtSchema, page: pageSchema.optional() }),
  action: evaluationSchema.omit({ action: true }).extend({ page: pageSchema.optional() }),
}

/** Reads a Search request (§8.4.1, §8.5.1, §8.6.1). */
export function readSearch(target: Search['target'], json: unknown): Result<Search, Refusal> {
  const read = searchSchemas[target].safeParse(json)
  if (!read.success) return malformed(read.error)
  const { page = {}, ...asked } = read.data
  const like = { action: { name: '' }, ...asked } as Evaluation
  return ok({ target, like, ...given(page) })
}

/** Says where the first thing is wrong, never what stood there. */
function malformed(error: z.ZodError): Result<never, Refusal> {
  const [issue] = error.issues
  const at = issue?.path.map(String).join('.').slice(0, 100)
  const says = at
    ? `\`${at}\` is missing or not what is taken there.`
    : 'The body is not a JSON object of this request.'
  return err(refuse('malformed', 'evaluation.body', says))
}
