import fc from 'fast-check'
import {
  authorize,
  buildEntities,
  type CedarPolicy,
  entitiesFromJson,
  type Json,
  parseExactJson,
  preparePolicy,
  printExactJson,
} from '../../src/core/policy/cedar/cedar.ts'
import type { Cedar } from '../../src/lib/cedar/cedar.ts'
import { ANY_SCHEMA, type Schema, schemaText } from './any-schema.ts'
import { type Conforming, conforming } from './conforming.ts'
import { requestOf } from './engine-cases.ts'
import { kindOf } from './fuzzed.ts'
import { typedPolicy } from './typed-policies.ts'

export type SchemaCase = Conforming & { readonly schema: Schema; readonly policies: readonly string[] }

const ANY_CASE: fc.Arbitrary<SchemaCase> = ANY_SCHEMA.chain((schema) =>
  fc
    .record({
      policies: fc.array(typedPolicy(schema), { minLength: 1, maxLength: 6 }),
      world: conforming(schema),
    })
    .map(({ policies, world }) => ({ schema, policies, ...world })),
)

/** How many policies the strict validator took, of how many: a generator of nonsense would prove nothing. */
export const accepted = { policies: 0, of: 0 }

/**
 * Each policy is written against a generated schema. What Cedar's strict validator accepts, our compiler must accept; and what conforms to
 * the schema must be decided alike.
 */
async function compare(cedar: Cedar, value: SchemaCase): Promise<string | undefined> {
  const { schema: drawn, policies: texts, entities, request } = value
  const schema = { file: 'case.cedarschema', text: schemaText(drawn) }
  const policies: CedarPolicy[] = []
  const kept: Record<string, string> = {}
  for (const [at, text] of texts.entries()) {
    const est = await acceptedForm(cedar, schema, `@id("p${at}")\n${text}`)
    accepted.of += 1
    if (est === undefined) continue
    accepted.policies += 1
    const prepared = preparePolicy(`p${at}`, est)
    if (!prepared.ok)
      return `accepted by Cedar's validator, and by us ${prepared.error.reason}: ${prepared.error.says}`
    policies.push(prepared.value)
    kept[`p${at}`] = text
  }
  const drafts = entitiesFromJson(entities)
  const store = drafts.ok ? buildEntities(drafts.value) : drafts
  if (!store.ok) return `entities are refused by us: ${store.error.says}`
  const call = { ...request, entities, policies: { staticPolicies: kept } }
  const theirs = await cedar.isAuthorized(printExactJson(call))
  if (!theirs.ok) return `refused by Cedar: ${JSON.stringify(theirs.error.map(({ says }) => says))}`
  const ours = authorize(policies, requestOf(request), store.value)
  const got = [ours.decision, [...ours.determining].sort(), [...ours.erroring].sort()]
  const wanted = [
    theirs.value.decision,
    [...theirs.value.reason].sort(),
    [...new Set(theirs.value.errors)].sort(),
  ]
  return printExactJson(got) === printExactJson(wanted)
    ? undefined
    : `ours:    ${printExactJson(got)}\nCedar's: ${printExactJson(wanted)}`
}

async function acceptedForm(
  cedar: Cedar,
  schema: { readonly file: string; readonly text: string },
  text: string,
): Promise<Json | undefined> {
  const file = { file: 'case.cedar', text }
  const parsed = await cedar.parsePolicies(file)
  if (!parsed.ok) throw new Error(`${text}\n${JSON.stringify(parsed.error)}`)
  const checked = await cedar.validate(schema, parsed.value, [file])
  if (!checked.ok && checked.error.some(({ reason }) => reason === 'schema.invalid'))
    throw new Error(`${schema.text}\n${JSON.stringify(checked.error)}`)
  return checked.ok ? parseExactJson(parsed.value[0]?.est ?? '') : undefined
}

function show({ schema, policies, entities, request }: SchemaCase): string {
  return [
    schemaText(schema),
    ...policies,
    `entities: ${printExactJson(entities)}`,
    `request: ${printExactJson(request)}`,
  ].join('\n')
}

export const SCHEMA_CASES = kindOf('policies that a schema fits', ANY_CASE, compare, show)
