import { tenantSchema } from '../core/identity/tenant.ts'
import {
  type CedarPolicy,
  type CedarTemplate,
  parseExactJson,
  preparePolicy,
  prepareTemplate,
} from '../core/policy/cedar/cedar.ts'
import { cedarSchemaOf, type SchemaParts } from '../core/policy/cedar-schema.ts'
import { checkPolicy, checkTemplate } from '../core/policy/check-policy.ts'
import {
  type Template,
  templateSchema,
  type WrittenPolicy,
  writtenPolicySchema,
} from '../core/policy/policy.ts'
import { resourceSchema } from '../core/policy/resource.ts'
import { Bug } from '../core/refusal.ts'
import type { Cedar, LinkedText, ParsedPolicy, PolicyFile } from '../lib/cedar/cedar.ts'
import type { CedarProblem } from '../lib/cedar/locate.ts'
import { readLinkedPolicies, type WrittenInCedar } from './configuration/linked-policies.ts'
import { unknownNames } from './configuration/policy-names.ts'
import { type ConfigurationFile, didYouMean, type Problem, placeAt } from './configuration/problem.ts'
import type { Declared } from './configuration/references.ts'
import type { PolicySource, ReadPolicies } from './read-configuration.ts'

/** Cedar's own parser and validator, in its thread. */
export type PolicyParser = Pick<Cedar, 'parsePolicies' | 'validate'>

/** A policy or template that could be parsed, and what it is to the evaluator. */
type Candidate = { readonly parsed: ParsedPolicy } & (
  | { readonly doc: WrittenPolicy }
  | { readonly template: Template; readonly prepared: CedarTemplate }
)

const NOTHING = { policies: [], templates: [], sources: [] }

/**
 * Reads one tenant's Cedar files as a whole: each policy parsed, named once, scoped, understood by the evaluator, naming only what is
 * declared, and strictly valid; and with them what is made of their templates. Codes: those of the parser (`policy.syntax`,
 * `policy.id_missing`, `policy.id_duplicate`, `policy.too_deep`), of the evaluator (`policy.unsupported`), of `checkPolicy`
 * (`policy.unscoped`, `policy.conditions_unreadable`), of `readLinkedPolicies`, `policy.unknown_condition`, `policy.unknown_agent`,
 * `policy.unknown_group`, `policy.unknown_resource`, `policy.too_long`, `policy.invalid`.
 */
export function createReadPolicies(cedar: PolicyParser): ReadPolicies {
  return async (declared, files) => {
    const read = await parseAll(cedar, files.map(asPolicyFile))
    if (read.problems.length > 0) return { ...NOTHING, problems: read.problems }
    const checked = read.policies.map((parsed) => check(parsed, declared, files))
    const problems = [...repeated(read.policies, files), ...checked.flatMap((each) => each.problems)]
    // What is wrong with a template would only be said again of all that is made of it.
    if (problems.length > 0) return { ...NOTHING, problems }
    const candidates = checked.flatMap(({ candidate }) => (candidate ? [candidate] : []))
    const { texts, problems: wrong } = readLinkedPolicies(declared, writtenIn(candidates))
    problems.push(...wrong)
    if (problems.length === 0)
      problems.push(...(await validate(cedar, declared, { candidates, texts }, files)))
    if (problems.length > 0) return { ...NOTHING, problems }
    return {
      policies: candidates.flatMap((each) => ('doc' in each ? [each.doc] : [])),
      templates: candidates.flatMap((each) => ('template' in each ? [each.template] : [])),
      sources: candidates.map(({ parsed }) => sourceOf(parsed, files)),
      problems: [],
    }
  }
}

function writtenIn(candidates: readonly Candidate[]): WrittenInCedar {
  const templates = candidates.flatMap((each) =>
    'template' in each ? [[each.parsed.id, each.prepared] as const] : [],
  )
  const ids = candidates.map(({ parsed }) => [parsed.id, `${parsed.file}:${parsed.line}`] as const)
  return { templates: new Map(templates), ids: new Map(ids) }
}

function asPolicyFile(file: ConfigurationFile): PolicyFile {
  return { file: file.path, text: file.text }
}

async function parseAll(
  cedar: PolicyParser,
  files: readonly PolicyFile[],
): Promise<{ readonly policies: readonly ParsedPolicy[]; readonly problems: readonly Problem[] }> {
  const policies: ParsedPolicy[] = []
  const problems: Problem[] = []
  for (const file of files) {
    const parsed = await cedar.parsePolicies(file)
    if (parsed.ok) policies.push(...parsed.value)
    else problems.push(...parsed.error.map(fromCedar))
  }
  return { policies, problems }
}

/** Carets and hint are drawn by whoever prints, so only their extent is kept. */
function fromCedar(found: CedarProblem): Problem {
  const [line = '', marks = ''] = found.snippet.split('\n')
  const length = /\^+/.exec(marks)?.[0].length ?? 1
  const { file, column, reason, says, help } = found
  const place = { path: file, line: found.line, column, snippet: line, length }
  return { ...place, code: reason, says, ...(help === undefined ? {} : { hint: help }) }
}

function fileOf(parsed: ParsedPolicy, files: readonly ConfigurationFile[]): ConfigurationFile {
  return files.find(({ path }) => path === parsed.file) ?? { path: parsed.file, text: parsed.text }
}

function sourceOf(parsed: ParsedPolicy, files: readonly ConfigurationFile[]): PolicySource {
  return { policy: parsed.id, file: fileOf(parsed, files), start: parsed.start, text: parsed.text }
}

type Checked = { readonly candidate?: Candidate; readonly problems: readonly Problem[] }

function check(parsed: ParsedPolicy, declared: Declared, files: readonly ConfigurationFile[]): Checked {
  const file = fileOf(parsed, files)
  const bad = (code: string, says: string): Checked => ({
    problems: [{ ...placeAt(file, headOf(parsed)), code, says }],
  })
  const { id, effect, text, est } = parsed
  const doc = parsed.template
    ? templateSchema.safeParse({ template: id, effect, text, est })
    : writtenPolicySchema.safeParse({ policy: id, effect, text, est })
  if (!doc.success) return bad('policy.too_long', `policy \`${id}\` or its name is longer than is stored`)
  const prepared = parsed.template
    ? prepareTemplate(id, parseExactJson(est))
    : preparePolicy(id, parseExactJson(est))
  if (!prepared.ok) return bad(prepared.error.reason, prepared.error.says)
  const policy = prepared.value
  const refused = 'slots' in policy ? checkTemplate(policy) : checkPolicy(policy)
  if (refused) return bad(refused.reason, refused.says)
  const problems = [
    ...unknownConditions(parsed, policy, declared, file),
    ...unknownNames(parsed, policy.scope, declared, file),
  ]
  return { candidate: candidateOf(parsed, doc.data, policy), problems }
}

function candidateOf(
  parsed: ParsedPolicy,
  doc: WrittenPolicy | Template,
  prepared: CedarPolicy | CedarTemplate,
): Candidate {
  if ('template' in doc && 'slots' in prepared) return { parsed, template: doc, prepared }
  if ('policy' in doc) return { parsed, doc }
  throw new Bug(`\`${parsed.id}\` was read as two things`)
}

/** Where the `permit` or `forbid` stands: what a reader would look at, rather than the annotations before it. */
function headOf(parsed: ParsedPolicy): number {
  const at = parsed.text.search(/\b(permit|forbid)\s*\(/)
  return parsed.start + Math.max(0, at)
}

/** A condition that nobody declared has no fact ever, so the policy would deny whoever it is about. */
function unknownConditions(
  parsed: ParsedPolicy,
  policy: Pick<CedarPolicy, 'conditions'>,
  declared: Declared,
  file: ConfigurationFile,
): readonly Problem[] {
  const known = [...(declared.by.get('condition')?.keys() ?? [])]
  return [...policy.conditions.names]
    .filter((name) => !known.includes(name))
    .map((name) => {
      const at = parsed.text.indexOf(JSON.stringify(name))
      return {
        ...placeAt(file, parsed.start + (at < 0 ? 0 : at + 1)),
        length: at < 0 ? 1 : name.length,
        code: 'policy.unknown_condition',
        says: `tenant \`${declared.tenant}\` declares no condition \`${name}\``,
        ...didYouMean(name, known),
      }
    })
}

/** Within a file the parser finds them; this is for two files of one tenant. */
function repeated(
  policies: readonly ParsedPolicy[],
  files: readonly ConfigurationFile[],
): readonly Problem[] {
  const seen = new Map<string, ParsedPolicy>()
  const problems: Problem[] = []
  for (const parsed of policies) {
    const earlier = seen.get(parsed.id)
    if (!earlier) seen.set(parsed.id, parsed)
    else {
      const says = `@id ${JSON.stringify(parsed.id)} is already used at ${earlier.file}:${earlier.line}`
      problems.push({ ...placeAt(fileOf(parsed, files), parsed.start), code: 'policy.id_duplicate', says })
    }
  }
  return problems
}

async function validate(
  cedar: PolicyParser,
  declared: Declared,
  { candidates, texts }: { readonly candidates: readonly Candidate[]; readonly texts: readonly LinkedText[] },
  files: readonly ConfigurationFile[],
): Promise<readonly Problem[]> {
  if (candidates.length === 0) return []
  const schema = { file: `the schema of ${declared.tenant}`, text: cedarSchemaOf(schemaParts(declared)) }
  const found = await cedar.validate(
    schema,
    candidates.map(({ parsed }) => parsed),
    files.map(asPolicyFile),
    texts,
  )
  return found.ok ? [] : found.error.filter(({ severity }) => severity === 'error').map(fromCedar)
}

/** What the schema is made of; the declarations have passed their own schemas by now. */
function schemaParts({ tenant, by }: Declared): SchemaParts {
  const values = (kind: 'tenant' | 'resource') =>
    [...(by.get(kind)?.values() ?? [])].map(({ value }) => value)
  const [own] = values('tenant')
  return {
    tenant: tenantSchema.parse(own ?? { tenant }),
    resources: values('resource').map((value) => resourceSchema.parse(value)),
  }
}
