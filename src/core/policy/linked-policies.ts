import { emptyMap, type Own, type PersistentMap, withEntry } from '../persistent-map.ts'
import { type Refusal, refuse } from '../refusal.ts'
import { err, type Result } from '../result.ts'
import { type CedarPolicy, type CedarTemplate, fillTemplate, parseUid } from './cedar/cedar.ts'
import { checkPolicy } from './check-policy.ts'
import type { LinkedPolicy } from './policy.ts'

/**
 * A tenant's templates, and every policy that is said to be made of one, usable or not: by its own name, and by the template that it names.
 * A template may come after what is made of it.
 */
export type LinkedPolicies = {
  readonly templates: PersistentMap<string, CedarTemplate>
  readonly byName: PersistentMap<string, LinkedPolicy>
  readonly byTemplate: PersistentMap<string, PersistentMap<string, LinkedPolicy>>
}

export const NO_LINKED_POLICIES: LinkedPolicies = {
  templates: emptyMap(),
  byName: emptyMap(),
  byTemplate: emptyMap(),
}

/** What takes the place of what has the same name, or nothing does (`undefined`). */
export type LinkedChanges = {
  readonly templates: ReadonlyMap<string, CedarTemplate | undefined>
  readonly documents: ReadonlyMap<string, LinkedPolicy | undefined>
}

/** What some changes come to: each policy that is made anew, or why it can't be. */
export type LinkedStep = {
  readonly linked: LinkedPolicies
  readonly made: ReadonlyMap<string, Result<CedarPolicy, Refusal>>
}

/** Made anew are the policies that changed, and those whose template did. */
export function changeLinked(linked: LinkedPolicies, changes: LinkedChanges, own: Own): LinkedStep {
  let next = linked
  for (const [name, doc] of changes.documents) next = withDocument(next, name, doc, own)
  let { templates } = next
  for (const [name, template] of changes.templates) templates = withEntry(templates, name, template, own)
  next = { ...next, templates }
  const stale = Array.from(changes.templates.keys(), (name) => [
    ...(next.byTemplate.get(name)?.values() ?? []),
  ])
  const changed = [...changes.documents.values()].filter((doc) => doc !== undefined)
  const made = [...stale.flat(), ...changed].map((doc) => [doc.policy, makePolicy(doc, templates)] as const)
  return { linked: next, made: new Map(made) }
}

function withDocument(
  linked: LinkedPolicies,
  name: string,
  doc: LinkedPolicy | undefined,
  own: Own,
): LinkedPolicies {
  let { byTemplate } = linked
  const before = linked.byName.get(name)
  if (before) byTemplate = filed(byTemplate, before, undefined, own)
  if (doc) byTemplate = filed(byTemplate, doc, doc, own)
  return { ...linked, byTemplate, byName: withEntry(linked.byName, name, doc, own) }
}

function filed(
  byTemplate: LinkedPolicies['byTemplate'],
  { template, policy }: LinkedPolicy,
  doc: LinkedPolicy | undefined,
  own: Own,
): LinkedPolicies['byTemplate'] {
  const before = byTemplate.get(template) ?? emptyMap<string, LinkedPolicy>()
  const after = withEntry(before, policy, doc, own)
  return withEntry(byTemplate, template, after.size === 0 ? undefined : after, own)
}

type Templates = { get(name: string): CedarTemplate | undefined }

/**
 * The policy that a template comes to. Reasons: `policy.unknown_template`, `policy.slot_missing`, `policy.slot_unknown`, and those of
 * `checkPolicy`: with its slots filled a policy must keep to what every policy keeps to.
 */
export function makePolicy(doc: LinkedPolicy, templates: Templates): Result<CedarPolicy, Refusal> {
  const template = templates.get(doc.template)
  if (template === undefined) {
    const says = `there is no template \`${doc.template}\``
    return err(refuse('malformed', 'policy.unknown_template', says))
  }
  const made = fillTemplate(doc.policy, template, slotsOf(doc))
  if (!made.ok) return err(refuse('malformed', made.error.reason, made.error.says, { slot: made.error.slot }))
  const refusal = checkPolicy(made.value)
  return refusal ? err(refusal) : made
}

/** The schema took only what can be read. */
function slotsOf({ principal, resource }: LinkedPolicy): Parameters<typeof fillTemplate>[2] {
  const read = (name: 'principal' | 'resource', written: string | undefined) => {
    const uid = written === undefined ? undefined : parseUid(written)
    return uid === undefined ? {} : { [name]: uid }
  }
  return { ...read('principal', principal), ...read('resource', resource) }
}
