import fc from 'fast-check'
import {
  authorize,
  buildEntities,
  type CedarPolicy,
  entitiesFromJson,
  entityUid,
  fillTemplate,
  type Json,
  parseExactJson,
  preparePolicy,
  prepareTemplate,
  printExactJson,
} from '../../src/core/policy/cedar/cedar.ts'
import type { Cedar } from '../../src/lib/cedar/cedar.ts'
import { slotValues } from '../../src/lib/cedar/questions.ts'
import type { Uid } from './any-entities.ts'
import { ANY_SCHEMA, type Schema, schemaText } from './any-schema.ts'
import { type Conforming, conforming } from './conforming.ts'
import { requestOf } from './engine-cases.ts'
import { kindOf } from './fuzzed.ts'
import { typedPolicy } from './typed-policies.ts'

/** `slots`: of each policy, whether what its scope names is filled into a template. */
export type SchemaCase = Conforming & {
  readonly schema: Schema
  readonly policies: readonly string[]
  readonly slots: readonly boolean[]
}

const MOST = 6
const ANY_CASE: fc.Arbitrary<SchemaCase> = ANY_SCHEMA.chain((schema) =>
  fc
    .record({
      policies: fc.array(typedPolicy(schema), { minLength: 1, maxLength: MOST }),
      slots: fc.array(fc.boolean(), { minLength: MOST, maxLength: MOST }),
      world: conforming(schema),
    })
    .map(({ world, ...rest }) => ({ schema, ...rest, ...world })),
)

/** Where a scope names somebody or something: the text with a slot there, and what fills it. */
const NAMED: readonly (readonly [
  text: string,
  slot: string,
  value: { readonly principal?: Uid; readonly resource?: Uid },
])[] = [
  ['is User in Group::"all"', 'is User in ?principal', { principal: { type: 'Group', id: 'all' } }],
  ['resource == Res::"r1"', 'resource == ?resource', { resource: { type: 'Res', id: 'r1' } }],
  ['resource in Res::"r3", ', 'resource in ?resource, ', { resource: { type: 'Res', id: 'r3' } }],
  ['resource in Res::"r3")', 'resource in ?resource)', { resource: { type: 'Res', id: 'r3' } }],
]

type Written = {
  readonly text: string
  readonly slots?: { readonly principal?: Uid; readonly resource?: Uid }
}

/** Only the head of a policy: Cedar has no slots elsewhere. */
function asWritten(policy: string, slotted: boolean): Written {
  const end = policy.indexOf(')\n') + 1
  let [head, slots] = [policy.slice(0, end), {}]
  for (const [text, slot, value] of NAMED) {
    if (!slotted || !head.includes(text)) continue
    head = head.replace(text, slot)
    slots = { ...slots, ...value }
  }
  const text = head + policy.slice(end)
  return Object.keys(slots).length === 0 ? { text } : { text, slots }
}

/** How many policies the strict validator took, of how many: a generator of nonsense would prove nothing. */
export const accepted = { policies: 0, of: 0, linked: 0 }

/**
 * Each policy is written against a generated schema. What Cedar's strict validator accepts, our compiler must accept; and what conforms to
 * the schema must be decided alike.
 */
async function compare(cedar: Cedar, value: SchemaCase): Promise<string | undefined> {
  const { schema: drawn, policies: texts, slots, entities, request } = value
  const schema = { file: 'case.cedarschema', text: schemaText(drawn) }
  const policies: CedarPolicy[] = []
  const asked: Kept[] = []
  for (const [at, policy] of texts.entries()) {
    const written = asWritten(policy, slots[at] ?? false)
    const est = await acceptedForm(cedar, schema, `p${at}`, written)
    accepted.of += 1
    if (est === undefined) continue
    accepted.policies += 1
    accepted.linked += written.slots === undefined ? 0 : 1
    const ours = prepared(`p${at}`, est, written)
    if (!ours.ok) return `accepted by Cedar's validator, and by us ${ours.error.reason}: ${ours.error.says}`
    policies.push(ours.value)
    asked.push({ id: `p${at}`, ...written })
  }
  const drafts = entitiesFromJson(entities)
  const store = drafts.ok ? buildEntities(drafts.value) : drafts
  if (!store.ok) return `entities are refused by us: ${store.error.says}`
  const theirs = await cedar.isAuthorized(printExactJson({ ...request, entities, policies: setOf(asked) }))
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

function prepared(id: string, est: Json, { slots }: Written) {
  if (slots === undefined) return preparePolicy(id, est)
  const template = prepareTemplate('t', est)
  if (!template.ok) return template
  const { principal, resource } = slots
  return fillTemplate(id, template.value, {
    ...(principal ? { principal: entityUid(principal.type, principal.id) } : {}),
    ...(resource ? { resource: entityUid(resource.type, resource.id) } : {}),
  })
}

type Kept = Written & { readonly id: string }

/** The set as cedar-wasm takes it. */
function setOf(kept: readonly Kept[]) {
  const texts = (made: boolean) =>
    Object.fromEntries(
      kept.filter(({ slots }) => (slots !== undefined) === made).map(({ id, text }) => [id, text]),
    )
  const templateLinks = kept.flatMap(({ id, slots }) =>
    slots === undefined ? [] : [{ templateId: `t${id}`, newId: id, values: slotValues(slots) }],
  )
  const templates = Object.fromEntries(Object.entries(texts(true)).map(([id, text]) => [`t${id}`, text]))
  return { staticPolicies: texts(false), templates, templateLinks }
}

async function acceptedForm(
  cedar: Cedar,
  schema: { readonly file: string; readonly text: string },
  id: string,
  { text: body, slots }: Written,
): Promise<Json | undefined> {
  const name = slots === undefined ? id : 't'
  const text = `@id("${name}")\n${body}`
  const file = { file: 'case.cedar', text }
  const parsed = await cedar.parsePolicies(file)
  if (!parsed.ok) throw new Error(`${text}\n${JSON.stringify(parsed.error)}`)
  const at = { file: 'links.yaml', line: 1, column: 1 }
  const linked = slots === undefined ? [] : [{ id, template: name, slots, at }]
  const checked = await cedar.validate(schema, parsed.value, [file], linked)
  if (!checked.ok && checked.error.some(({ reason }) => reason === 'schema.invalid'))
    throw new Error(`${schema.text}\n${JSON.stringify(checked.error)}`)
  return checked.ok ? parseExactJson(parsed.value[0]?.est ?? '') : undefined
}

function show({ schema, policies, slots, entities, request }: SchemaCase): string {
  return [
    schemaText(schema),
    ...policies.map((policy, at) => {
      const { text, slots: filled } = asWritten(policy, slots[at] ?? false)
      return filled === undefined ? text : `// a template filled with ${JSON.stringify(filled)}\n${text}`
    }),
    `entities: ${printExactJson(entities)}`,
    `request: ${printExactJson(request)}`,
  ].join('\n')
}

export const SCHEMA_CASES = kindOf('policies that a schema fits', ANY_CASE, compare, show)
