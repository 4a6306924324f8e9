import { type Refusal, refuse } from '../refusal.ts'
import type { CedarPolicy, CedarTemplate, ScopeConstraint } from './cedar/cedar.ts'
import { isSlot } from './cedar/scope.ts'
import type { GroupType } from './entities.ts'

/** The two kinds of principal; a permit is for one of them. */
export type PrincipalType = 'Agent' | 'User'

/** What every policy must keep to besides Cedar's own validation (ARCHITECTURE §4). */
export function checkPolicy(policy: CedarPolicy): Refusal | undefined {
  if (policy.effect === 'permit' && principalTypeOf(policy.scope.principal) === undefined)
    return unscoped(policy.id)
  return unreadableConditions(policy)
}

/** What is certain of a template before its slots are filled; the policies made of it must pass `checkPolicy`. */
export function checkTemplate(template: CedarTemplate): Refusal | undefined {
  const { principal } = template.scope
  if (template.effect === 'permit' && !isSlot(principal) && principalTypeOf(principal) === undefined)
    return unscoped(template.id)
  return unreadableConditions(template)
}

function unscoped(id: string): Refusal {
  const says = `permit \`${id}\` must say whom it is for: \`principal is Agent\`, \`principal is User\`, or one of them or of their groups by name`
  return refuse('malformed', 'policy.unscoped', says)
}

function unreadableConditions({
  id,
  conditions,
}: Pick<CedarPolicy, 'id' | 'conditions'>): Refusal | undefined {
  if (!conditions.otherUse) return undefined
  const says = `policy \`${id}\` must name its conditions: use \`context.conditions\` only with contains, containsAll or containsAny and names written out`
  return refuse('malformed', 'policy.conditions_unreadable', says)
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

/** The types that a constraint is about; none where it takes anything. */
export function typesOf(scope: ScopeConstraint): readonly string[] {
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
