import { emptyMap, type PersistentMap, withEntry } from '../persistent-map.ts'
import { type Refusal, refuse } from '../refusal.ts'
import { err, ok, type Result } from '../result.ts'
import {
  type CedarPolicy,
  type Json,
  parseExactJson,
  preparePolicy,
  type ScopeConstraint,
} from './cedar/cedar.ts'
import type { GroupType } from './entities.ts'
import type { Policy } from './policy.ts'
import {
  addToIndex,
  closedIndex,
  EMPTY_INDEX,
  openIndex,
  type PolicyIndex,
  takeFromIndex,
} from './policy-index.ts'

/** The two kinds of principal; a permit is for one of them. */
export type PrincipalType = 'Agent' | 'User'

/**
 * A tenant's policies, read and compiled once, by name and by what their scopes ask. It changes one policy at a time; what is kept beside
 * them is the same however they came (`policy-index.test.ts`).
 */
export type PolicySet = {
  readonly byName: PersistentMap<string, CedarPolicy>
  readonly index: PolicyIndex
}

export const NO_POLICIES: PolicySet = { byName: emptyMap(), index: EMPTY_INDEX }

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
  return { byName, index: closedIndex(edit) }
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
export function readPolicy(document: Policy): Result<CedarPolicy, Refusal> {
  const est = parseEst(document.est)
  if (est === undefined) return no('malformed', `policy \`${document.policy}\` is not JSON`)
  const prepared = preparePolicy(document.policy, est)
  if (!prepared.ok) return err(refuse('malformed', prepared.error.reason, prepared.error.says))
  if (prepared.value.effect !== document.effect)
    return no('malformed', `policy \`${document.policy}\` is stored as what it is not`)
  const refusal = checkPolicy(prepared.value)
  if (refusal) return err(refusal)
  const source = document.text === '' ? document.est : document.text
  return ok({ ...prepared.value, source })
}

/** What every policy must keep to besides Cedar's own validation (ARCHITECTURE §4). */
export function checkPolicy(policy: CedarPolicy): Refusal | undefined {
  if (policy.effect === 'permit' && principalTypeOf(policy.scope.principal) === undefined) {
    const says = `permit \`${policy.id}\` must say whom it is for: \`principal is Agent\`, \`principal is User\`, or one of them or of their groups by name`
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

/** Whom a group can hold: a permit for one of these is for that kind. */
const MEMBERS: ReadonlyMap<string, PrincipalType> = new Map<GroupType, PrincipalType>([
  ['AgentGroup', 'Agent'],
  ['UserGroup', 'User'],
])

function typesOf(scope: ScopeConstraint): readonly string[] {
  switch (scope.op) {
    case 'all':
      return []
    case '==':
      return [scope.entity.type]
    case 'in':
      return scope.entities.map(({ type }) => MEMBERS.get(type) ?? type)
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
