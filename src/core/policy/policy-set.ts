import { type Refusal, refuse } from '../refusal.ts'
import { err, type Result } from '../result.ts'
import {
  type CedarPolicy,
  type EntityUid,
  type Json,
  parseExactJson,
  preparePolicy,
  type ScopeConstraint,
} from './cedar/cedar.ts'
import type { Policy } from './policy.ts'

/** The two kinds of principal; a permit is for one of them. */
type PrincipalType = 'Agent' | 'User'

/** A tenant's policies, read and compiled once. `Agent` and `User` hold those that can apply to such a principal, by name. */
export type PolicySet = {
  readonly byName: ReadonlyMap<string, CedarPolicy>
  readonly for: Readonly<Record<PrincipalType, readonly CedarPolicy[]>>
}

export const NO_POLICIES: PolicySet = policySetOf(new Map())

/** Sorted by name, so that the order of writing never shows. */
export function policySetOf(byName: ReadonlyMap<string, CedarPolicy>): PolicySet {
  const sorted = [...byName.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  const applying = (type: PrincipalType) => sorted.filter((policy) => mayApplyTo(policy, type))
  return { byName, for: { Agent: applying('Agent'), User: applying('User') } }
}

const aboutEach = new WeakMap<readonly CedarPolicy[], Map<string, readonly CedarPolicy[]>>()

/**
 * Those of a list that may be about a resource: the rest name another one in their scope. Found once for each resource that is asked
 * for, which must be one that exists: that bounds how many there are.
 */
export function aboutResource(policies: readonly CedarPolicy[], resource: EntityUid): readonly CedarPolicy[] {
  const ofList = aboutEach.get(policies) ?? new Map<string, readonly CedarPolicy[]>()
  aboutEach.set(policies, ofList)
  const before = ofList.get(resource.key)
  if (before) return before
  const found = policies.filter(
    ({ scope }) => scope.resource.op !== '==' || scope.resource.entity.key === resource.key,
  )
  ofList.set(resource.key, found)
  return found
}

export function addPolicy(set: PolicySet, policy: CedarPolicy): PolicySet {
  return policySetOf(new Map(set.byName).set(policy.id, policy))
}

export function removePolicy(set: PolicySet, name: string): PolicySet {
  const byName = new Map(set.byName)
  byName.delete(name)
  return policySetOf(byName)
}

/**
 * Reads a stored policy, whole or not at all. Reasons: those of the evaluator (`policy.malformed`, `policy.unsupported`,
 * `policy.too_deep`), `policy.unscoped`, `policy.conditions_unreadable`.
 */
export function readPolicy(document: Policy): Result<CedarPolicy, Refusal> {
  const est = parseEst(document.est)
  if (est === undefined) return no('malformed', `policy \`${document.policy}\` is not JSON`)
  const prepared = preparePolicy(document.policy, est)
  if (!prepared.ok) return err(refuse('malformed', prepared.error.reason, prepared.error.says))
  if (prepared.value.effect !== document.effect)
    return no('malformed', `policy \`${document.policy}\` is stored as what it is not`)
  const refusal = checkPolicy(prepared.value)
  return refusal ? err(refusal) : prepared
}

/** What every policy must keep to besides Cedar's own validation (ARCHITECTURE §4). */
export function checkPolicy(policy: CedarPolicy): Refusal | undefined {
  if (policy.effect === 'permit' && principalTypeOf(policy.scope.principal) === undefined) {
    const says = `permit \`${policy.id}\` must say whom it is for: \`principal is Agent\`, \`principal is User\`, or one of them by name`
    return refuse('malformed', 'policy.unscoped', says)
  }
  if (policy.conditions.otherUse) {
    const says = `policy \`${policy.id}\` must name its conditions: use \`context.conditions\` only with contains, containsAll or containsAny and names written out`
    return refuse('malformed', 'policy.conditions_unreadable', says)
  }
  return undefined
}

/** The one kind of principal that a scope is about, if it is about one. */
function principalTypeOf(scope: ScopeConstraint): PrincipalType | undefined {
  const types = new Set(typesOf(scope))
  const [only] = types
  return types.size === 1 && (only === 'Agent' || only === 'User') ? only : undefined
}

function typesOf(scope: ScopeConstraint): readonly string[] {
  switch (scope.op) {
    case 'all':
      return []
    case '==':
      return [scope.entity.type]
    case 'in':
      return scope.entities.map((entity) => entity.type)
    case 'is':
      return [scope.type]
  }
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
