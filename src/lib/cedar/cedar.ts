import { type CedarThread, openCedarThread, type ThreadProblem } from './cedar-thread.ts'
import { type CedarProblem, fromWasm, lineAndColumn, place, type Source } from './locate.ts'
import { type SlotValues, slotValues, type WasmError } from './questions.ts'
import { type PolicyText, splitPolicies } from './split-policies.ts'

/** A policy or a template as it stands in a file. `est` is its JSON form as text, with exact integers: read it with an exact parser. */
export type ParsedPolicy = {
  readonly id: string
  readonly text: string
  readonly est: string
  readonly effect: 'permit' | 'forbid'
  /** It has slots, so it decides nothing by itself. */
  readonly template: boolean
  readonly annotations: ReadonlyMap<string, string>
  readonly file: string
  /** UTF-16 offset in the file; line and column count from 1. */
  readonly start: number
  readonly line: number
  readonly column: number
}

/** A policy that is made of a template, and where that is said. */
export type LinkedText = {
  readonly id: string
  readonly template: string
  readonly slots: SlotValues
  readonly at: Pick<CedarProblem, 'file' | 'line' | 'column'>
}

export type CedarResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: readonly CedarProblem[] }

export type PolicyFile = {
  readonly file: string
  readonly text: string
  /** `annotation` (default): each policy has its own `@id`. `position`: policy0, policy1 … as Cedar's tools name them. */
  readonly ids?: 'annotation' | 'position'
}

export type SchemaFile = { readonly file: string; readonly text: string }

/** What is asked of the reference implementation in tests: an `AuthorizationCall` of cedar-wasm, as JSON text. */
export type OracleAnswer = {
  readonly decision: 'allow' | 'deny'
  readonly reason: readonly string[]
  readonly errors: readonly string[]
}

export type Cedar = {
  parsePolicies(file: PolicyFile): Promise<CedarResult<readonly ParsedPolicy[]>>
  /**
   * Strict validation. `value` holds the warnings; any error refuses all. Files are needed to show the source. Templates are among the
   * policies; each of `links` must be of one of them, with all of its slots.
   */
  validate(
    schema: SchemaFile,
    policies: readonly ParsedPolicy[],
    files: readonly PolicyFile[],
    links?: readonly LinkedText[],
  ): Promise<CedarResult<readonly CedarProblem[]>>
  checkSchema(schema: SchemaFile): Promise<CedarResult<string>>
  format(file: PolicyFile): Promise<CedarResult<string>>
  /** Cedar's own decision, for tests; never on a data path. */
  isAuthorized(call: string): Promise<CedarResult<OracleAnswer>>
  close(): Promise<void>
}

/** Opens Cedar's parser, validator and formatter in a thread of its own, which starts with the first question. */
export function openCedar(options: { readonly patienceMs?: number } = {}): Cedar {
  const thread = openCedarThread(options)
  return {
    parsePolicies: (file) => parsePolicies(thread, file),
    validate: (schema, policies, files, links = []) => validate(thread, schema, { policies, files, links }),
    checkSchema: (schema) => checkSchema(thread, schema),
    format: (file) => format(thread, file),
    isAuthorized: (call) => isAuthorized(thread, call),
    close: () => thread.close(),
  }
}

function wholeOf(file: SchemaFile): Source {
  return { file: file.file, whole: file.text, start: 0, text: file.text }
}

function broken(
  error: ThreadProblem,
  file: SchemaFile,
): { readonly ok: false; readonly error: CedarProblem[] } {
  const about = { reason: error.reason, severity: 'error' as const, says: error.says }
  return { ok: false, error: [place({ source: wholeOf(file), where: { at: 0, length: 1 }, about })] }
}

/** Splits, bounding how deep each policy nests, before the parser (which recurses) sees any of it. */
function split(file: PolicyFile): CedarResult<readonly PolicyText[]> {
  if (!file.text.isWellFormed()) {
    const about = {
      reason: 'policy.syntax',
      severity: 'error' as const,
      says: 'the text holds half a character',
    }
    return { ok: false, error: [place({ source: wholeOf(file), where: { at: 0, length: 1 }, about })] }
  }
  const parts = splitPolicies(file.text)
  if (parts.ok) return parts
  const { reason, says, at } = parts.error
  const about = { reason, severity: 'error' as const, says }
  return { ok: false, error: [place({ source: wholeOf(file), where: { at, length: 1 }, about })] }
}

type ParseAnswer =
  | {
      readonly type: 'success'
      readonly json: {
        readonly effect: 'permit' | 'forbid'
        readonly annotations?: Readonly<Record<string, string | null>>
      }
    }
  | { readonly type: 'failure'; readonly errors: readonly WasmError[] }

async function parsePolicies(thread: CedarThread, file: PolicyFile): Promise<CedarResult<ParsedPolicy[]>> {
  const parts = split(file)
  if (!parts.ok) return parts
  const texts = parts.value.map(({ text, template }) => ({ text, template }))
  const answer = await thread.ask({ ask: 'parse', texts })
  if (!answer.ok) return broken(answer.error, file)
  const policies: ParsedPolicy[] = []
  const problems: CedarProblem[] = []
  for (const [index, part] of parts.value.entries()) {
    const parsed = readParsed(answer.value[index] ?? '', part, { file, index })
    if (parsed.ok) policies.push(parsed.value)
    else problems.push(...parsed.error)
  }
  problems.push(...duplicates(policies, file))
  return problems.length > 0 ? { ok: false, error: problems } : { ok: true, value: policies }
}

function sourceOf(part: PolicyText, file: SchemaFile): Source {
  return { file: file.file, whole: file.text, ...part }
}

function readParsed(
  answer: string,
  part: PolicyText,
  from: { readonly file: PolicyFile; readonly index: number },
): CedarResult<ParsedPolicy> {
  const parsed = JSON.parse(answer) as ParseAnswer
  const source = sourceOf(part, from.file)
  if (parsed.type === 'failure') {
    return {
      ok: false,
      error: parsed.errors.flatMap((error) => fromWasm(error, source, { reason: 'policy.syntax' })),
    }
  }
  const entries = Object.entries(parsed.json.annotations ?? {})
  const annotations = new Map(entries.map(([name, value]) => [name, value ?? '']))
  const id = from.file.ids === 'position' ? `policy${from.index}` : annotations.get('id')
  if (id === undefined || id === '') return { ok: false, error: [missingId(source)] }
  const place = lineAndColumn(from.file.text, part.start)
  if (!answer.startsWith(PREFIX))
    throw new Error('cedar-wasm prints its answer in another form than 4.13 does')
  const est = answer.slice(PREFIX.length, -1)
  return {
    ok: true,
    value: { id, est, effect: parsed.json.effect, annotations, file: from.file.file, ...part, ...place },
  }
}

/** The wasm prints `{"type":"success","json":…}`; the policy is cut out as text, which keeps its integers exact. */
const PREFIX = '{"type":"success","json":'

function missingId(source: Source): CedarProblem {
  const says = 'a policy without @id: give it a name that is unique in its tenant'
  const about = {
    reason: 'policy.id_missing',
    severity: 'error' as const,
    says,
    help: 'write @id("…") before it',
  }
  return place({ source, where: { at: 0, length: Math.max(1, source.text.indexOf('(')) }, about })
}

function duplicates(policies: readonly ParsedPolicy[], file: PolicyFile): CedarProblem[] {
  const seen = new Map<string, ParsedPolicy>()
  const problems: CedarProblem[] = []
  for (const policy of policies) {
    const earlier = seen.get(policy.id)
    if (earlier === undefined) seen.set(policy.id, policy)
    else {
      const says = `@id ${JSON.stringify(policy.id)} is already used in line ${earlier.line}`
      const about = { reason: 'policy.id_duplicate', severity: 'error' as const, says, policy: policy.id }
      problems.push(place({ source: sourceOf(policy, file), where: { at: 0, length: 1 }, about }))
    }
  }
  return problems
}

type Finding = { readonly policyId: string; readonly error: WasmError }
type ValidateAnswer =
  | {
      readonly type: 'success'
      readonly validationErrors: readonly Finding[]
      readonly validationWarnings: readonly Finding[]
    }
  | { readonly type: 'failure'; readonly errors: readonly WasmError[] }

type Validated = {
  readonly policies: readonly ParsedPolicy[]
  readonly files: readonly PolicyFile[]
  readonly links: readonly LinkedText[]
}

async function validate(
  thread: CedarThread,
  schema: SchemaFile,
  asked: Validated,
): Promise<CedarResult<readonly CedarProblem[]>> {
  const answer = await thread.ask({ ask: 'validate', schema: schema.text, ...byPosition(asked) })
  if (!answer.ok) return broken(answer.error, schema)
  const found = JSON.parse(answer.value[0] ?? '') as ValidateAnswer
  if (found.type === 'failure') return schemaProblems(found.errors, schema)
  const show = (severity: 'error' | 'warning') => (finding: Finding) =>
    shown(finding, severity, asked, schema)
  const errors = found.validationErrors.flatMap(show('error'))
  const warnings = found.validationWarnings.flatMap(show('warning'))
  return errors.length > 0 ? { ok: false, error: [...errors, ...warnings] } : { ok: true, value: warnings }
}

/** Keyed by position: two files may use one id, and neither policy may hide the other here. */
function byPosition({ policies, links }: Validated) {
  const keyed = policies.map((policy, index) => [policy, `policy${index}`] as const)
  const texts = (template: boolean) =>
    Object.fromEntries(
      keyed.filter(([each]) => each.template === template).map(([each, key]) => [key, each.text]),
    )
  const ofTemplate = new Map(keyed.map(([{ id }, key]) => [id, key]))
  return {
    policies: texts(false),
    templates: texts(true),
    links: links.map(({ template, slots }, index) => ({
      templateId: ofTemplate.get(template) ?? '',
      newId: `link${index}`,
      values: slotValues(slots),
    })),
  }
}

function shown(
  { policyId, error }: Finding,
  severity: 'error' | 'warning',
  { policies, files, links }: Validated,
  schema: SchemaFile,
): readonly CedarProblem[] {
  const reason = 'policy.invalid'
  const index = Number(policyId.slice(policyId.search(/\d/)))
  const link = policyId.startsWith('link') ? links[index] : undefined
  // What is marked there is the template's text, and what is wrong is the value of a slot.
  if (link) {
    const told = fromWasm(error, wholeOf({ file: link.at.file, text: '' }), { reason, severity })
    return told.map((problem) => ({ ...problem, ...link.at, policy: link.id }))
  }
  const policy = policies[index]
  const file = files.find((candidate) => candidate.file === policy?.file)
  if (policy === undefined || file === undefined)
    return fromWasm(error, wholeOf(schema), { reason, severity })
  return fromWasm(error, sourceOf(policy, file), { reason, policy: policy.id, severity })
}

function schemaProblems(
  errors: readonly WasmError[],
  schema: SchemaFile,
): { readonly ok: false; readonly error: CedarProblem[] } {
  const source = wholeOf(schema)
  return {
    ok: false,
    error: errors.flatMap((error) => fromWasm(error, source, { reason: 'schema.invalid' })),
  }
}

type SchemaAnswer =
  | { readonly type: 'success' }
  | { readonly type: 'failure'; readonly errors: readonly WasmError[] }

/** Parses a schema in Cedar's own syntax; the value is its JSON form as text. */
async function checkSchema(thread: CedarThread, schema: SchemaFile): Promise<CedarResult<string>> {
  const answer = await thread.ask({ ask: 'schema', text: schema.text })
  if (!answer.ok) return broken(answer.error, schema)
  const text = answer.value[0] ?? ''
  const found = JSON.parse(text) as SchemaAnswer
  return found.type === 'success' ? { ok: true, value: text } : schemaProblems(found.errors, schema)
}

type FormatAnswer =
  | { readonly type: 'success'; readonly formatted_policy: string }
  | { readonly type: 'failure'; readonly errors: readonly WasmError[] }

async function format(thread: CedarThread, file: PolicyFile): Promise<CedarResult<string>> {
  const parts = split(file)
  if (!parts.ok) return parts
  const answer = await thread.ask({ ask: 'format', text: file.text })
  if (!answer.ok) return broken(answer.error, file)
  const found = JSON.parse(answer.value[0] ?? '') as FormatAnswer
  if (found.type === 'success') return { ok: true, value: found.formatted_policy }
  const source = wholeOf(file)
  return {
    ok: false,
    error: found.errors.flatMap((error) => fromWasm(error, source, { reason: 'policy.syntax' })),
  }
}

type AuthorizeAnswer =
  | {
      readonly type: 'success'
      readonly response: {
        readonly decision: 'allow' | 'deny'
        readonly diagnostics: { readonly reason: readonly string[]; readonly errors: readonly Finding[] }
      }
    }
  | { readonly type: 'failure'; readonly errors: readonly WasmError[] }

async function isAuthorized(thread: CedarThread, call: string): Promise<CedarResult<OracleAnswer>> {
  const asked = { file: 'request', text: '' }
  const answer = await thread.ask({ ask: 'authorize', call })
  if (!answer.ok) return broken(answer.error, asked)
  const found = JSON.parse(answer.value[0] ?? '') as AuthorizeAnswer
  if (found.type === 'failure') {
    const source = wholeOf(asked)
    return {
      ok: false,
      error: found.errors.flatMap((error) => fromWasm(error, source, { reason: 'cedar.request' })),
    }
  }
  const { decision, diagnostics } = found.response
  const errors = diagnostics.errors.map((finding) => finding.policyId)
  return { ok: true, value: { decision, reason: diagnostics.reason, errors } }
}
