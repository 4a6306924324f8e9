import { emptyMap, type PersistentMap, withEntry } from '../persistent-map.ts'
import { type Refusal, refuse } from '../refusal.ts'
import { err, ok, type Result } from '../result.ts'
import {
  type CedarPolicy,
  type CedarTemplate,
  type Json,
  parseExactJson,
  preparePolicy,
  prepareTemplate,
} from './cedar/cedar.ts'
import { checkPolicy, checkTemplate, type PrincipalType, typesOf } from './check-policy.ts'
import { type LinkedPolicies, NO_LINKED_POLICIES } from './linked-policies.ts'
import type { Template, WrittenPolicy } from './policy.ts'
import { addToIndex, EMPTY_INDEX, openIndex, type PolicyIndex, takeFromIndex } from './policy-index.ts'

/**
 * A tenant's policies, read and compiled once, by name and by what their scopes ask. It changes one policy at a time; what is kept beside
 * them is the same however they came (`policy-index.test.ts`).
 */
export type PolicySet = {
  readonly byName: PersistentMap<string, CedarPolicy>
  readonly index: PolicyIndex
  /** Templates, and what is made of them: those that can be used stand in `byName` like every policy. */
  readonly linked: LinkedPolicies
}

export const NO_POLICIES: PolicySet = { byName: emptyMap(), index: EMPTY_INDEX, linked: NO_LINKED_POLICIES }

/** Policies that take the place of those of the same name, or nothing does (`undefined`). */
export type PolicyChanges = Iterable<readonly [name: string, policy: CedarPolicy | undefined]>

/** The set after some changes; the old one is left as it was. */
export function changePolicies(set: PolicySet, changes: PolicyChanges): PolicySet {
  const edit = openIndex(set.index)
  let { byName } = set
  for (const [name, policy] of changes) {
    const before = byName.get(name)
    if (before) takeFromIndex(edit, before)
    if (policy) addToIndex(edit, policy)
    byName = withEntry(byName, name, policy, edit.own)
  }
  return { ...set, byName, index: edit.index }
}

/** Those that may apply to such a principal, by name: for people, who ask what would have been. */
export function policiesFor({ byName }: PolicySet, type: PrincipalType): readonly CedarPolicy[] {
  const applying = [...byName.values()].filter((policy) => mayApplyTo(policy, type))
  return applying.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/**
 * Reads a stored policy, whole or not at all. Reasons: those of the evaluator (`policy.malformed`, `policy.unsupported`,
 * `policy.too_deep`), `policy.unscoped`, `policy.conditions_unreadable`.
 */
export function readPolicy(document: WrittenPolicy): Result<CedarPolicy, Refusal> {
  const read = readStored(document, document.policy, preparePolicy)
  if (!read.ok) return read
  const refusal = checkPolicy(read.value)
  return refusal ? err(refusal) : read
}

/** Reads a stored template in the same way, with the same reasons. */
export function readTemplate(document: Template): Result<CedarTemplate, Refusal> {
  const read = readStored(document, document.template, prepareTemplate)
  if (!read.ok) return read
  const refusal = checkTemplate(read.value)
  return refusal ? err(refusal) : read
}

type Stored = Pick<WrittenPolicy, 'effect' | 'text' | 'est'>
type Prepare<T> = (id: string, est: Json) => Result<T, { readonly reason: string; readonly says: string }>

function readStored<T extends { readonly effect: string }>(
  { effect, text, est: json }: Stored,
  name: string,
  prepare: Prepare<T>,
): Result<T & { readonly source: string }, Refusal> {
  const est = parseEst(json)
  if (est === undefined) return no('malformed', `policy \`${name}\` is not JSON`)
  const prepared = prepare(name, est)
  if (!prepared.ok) return err(refuse('malformed', prepared.error.reason, prepared.error.says))
  if (prepared.value.effect !== effect)
    return no('malformed', `policy \`${name}\` is stored as what it is not`)
  return ok({ ...prepared.value, source: text === '' ? json : text })
}

function mayApplyTo(policy: CedarPolicy, type: PrincipalType): boolean {
  const { principal } = policy.scope
  return principal.op === 'all' || typesOf(principal).includes(type)
}

function parseEst(text: string): Json | undefined {
  try {
    return parseExactJson(text)
  } catch {
    return undefined
  }
}

function no(kind: 'malformed', says: string): Result<never, Refusal> {
  return err(refuse('malformed', `policy.${kind}`, says))
}
