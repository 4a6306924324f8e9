import type { CedarPolicy, CedarTemplate, EntityUid } from '../../core/policy/cedar/cedar.ts'
import { parseUid } from '../../core/policy/cedar/cedar.ts'
import { makePolicy } from '../../core/policy/linked-policies.ts'
import { type LinkedPolicy, linkedPolicySchema } from '../../core/policy/policy.ts'
import type { LinkedText } from '../../lib/cedar/cedar.ts'
import { unknownName } from './policy-names.ts'
import { didYouMean, type Problem } from './problem.ts'
import type { Declared } from './references.ts'
import type { Declaration } from './yaml-documents.ts'

/** What the Cedar files of the tenant hold, for whatever is made of it. */
export type WrittenInCedar = {
  readonly templates: ReadonlyMap<string, CedarTemplate>
  /** Every `@id`, with where it stands. */
  readonly ids: ReadonlyMap<string, string>
}

export type ReadLinked = { readonly texts: readonly LinkedText[]; readonly problems: readonly Problem[] }

/**
 * The policies of a tenant that are made of templates, each judged as it comes to with its slots filled. Codes: `policy.id_duplicate`,
 * `policy.unknown_template`, `policy.slot_missing`, `policy.slot_unknown`, `policy.slot_type`, `policy.unscoped`,
 * `policy.unknown_agent`, `policy.unknown_group`, `policy.unknown_resource`.
 */
export function readLinkedPolicies(declared: Declared, written: WrittenInCedar): ReadLinked {
  const texts: LinkedText[] = []
  const problems: Problem[] = []
  for (const each of declared.by.get('policy')?.values() ?? []) {
    const doc = linkedPolicySchema.parse(each.value)
    const wrong = wrongWith(doc, each, declared, written)
    problems.push(...wrong)
    if (wrong.length === 0) texts.push(linkedText(doc, each))
  }
  return { texts, problems }
}

function linkedText({ policy, template, principal, resource }: LinkedPolicy, each: Declaration): LinkedText {
  const slot = (name: 'principal' | 'resource', text = '') => {
    const uid = parseUid(text)
    return uid === undefined ? {} : { [name]: { type: uid.type, id: uid.id } }
  }
  const { path, line, column } = each.placeOf([])
  const slots = { ...slot('principal', principal), ...slot('resource', resource) }
  return { id: policy, template, slots, at: { file: path, line, column } }
}

function wrongWith(
  doc: LinkedPolicy,
  each: Declaration,
  declared: Declared,
  { templates, ids }: WrittenInCedar,
): readonly Problem[] {
  const earlier = ids.get(doc.policy)
  if (earlier !== undefined) {
    const says = `the name ${JSON.stringify(doc.policy)} is already used at ${earlier}`
    return [{ ...each.placeOf(['policy']), code: 'policy.id_duplicate', says }]
  }
  if (!templates.has(doc.template)) return [unknownTemplate(doc, each, { templates, ids })]
  const made = makePolicy(doc, templates)
  if (made.ok) return [...wrongTypes(made.value, each), ...unknownSlots(made.value, declared, each)]
  const { reason: code, says, facts } = made.error
  return [{ ...each.placeOf([String(facts['slot'] ?? 'principal')]), code, says }]
}

function unknownTemplate(
  { policy, template }: LinkedPolicy,
  each: Declaration,
  { templates, ids }: WrittenInCedar,
): Problem {
  const place = { ...each.placeOf(['template']), code: 'policy.unknown_template' }
  if (!ids.has(template)) {
    const says = `there is no template \`${template}\` for \`${policy}\` to be made of`
    return { ...place, says, ...didYouMean(template, templates.keys()) }
  }
  const says = `\`${template}\` is a policy that is written out, not a template: it has no slot`
  return { ...place, says, hint: 'write `principal == ?principal` or `resource == ?resource` in its scope' }
}

/** What a slot may be filled with. Cedar takes any entity, and one that is never asked about would make a policy of no effect. */
const TYPES = {
  principal: ['Agent', 'User', 'AgentGroup', 'UserGroup'],
  resource: ['Resource'],
} as const
const SLOTS = ['principal', 'resource'] as const

function wrongTypes({ filled }: CedarPolicy, each: Declaration): readonly Problem[] {
  return SLOTS.flatMap((slot) => {
    const value = filled?.slots[slot]
    const types: readonly string[] = TYPES[slot]
    if (value === undefined || types.includes(value.type)) return []
    const says = `slot ?${slot} takes ${types.map((type) => `\`${type}\``).join(', ')}, not \`${value.type}\``
    return [{ ...each.placeOf([slot]), code: 'policy.slot_type', says, ...didYouMean(value.type, types) }]
  })
}

function unknownSlots({ filled }: CedarPolicy, declared: Declared, each: Declaration): readonly Problem[] {
  return SLOTS.flatMap((slot) => {
    const value: EntityUid | undefined = filled?.slots[slot]
    const unknown = value && unknownName(value, declared)
    return unknown ? [{ ...each.placeOf([slot]), ...unknown }] : []
  })
}
