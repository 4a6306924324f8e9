import type { Group } from '../../core/identity/group.ts'
import { BUILT_IN } from '../../core/policy/built-in-resources.ts'
import type { CedarPolicy, ScopeConstraint } from '../../core/policy/cedar/cedar.ts'
import type { GroupType } from '../../core/policy/entities.ts'
import type { ParsedPolicy } from '../../lib/cedar/cedar.ts'
import { type ConfigurationFile, didYouMean, type Problem, placeAt } from './problem.ts'
import type { Declared } from './references.ts'

type Named = { readonly type: string; readonly id: string }

/**
 * Agents, groups and resources that a policy's scope names and the tenant doesn't have. Cedar takes any name there, and a permit for nobody
 * looks like a permit. Users may come from their provider unlisted, and what is another tenant's (`tenant/name`, in the forbids of
 * an agent's home) is not known here, so neither is judged.
 */
export function unknownNames(
  parsed: ParsedPolicy,
  policy: CedarPolicy,
  declared: Declared,
  file: ConfigurationFile,
): readonly Problem[] {
  const agents = [...keys(declared, 'agent'), ...keys(declared, 'admission')]
  const resources = [...keys(declared, 'resource'), ...BUILT_IN.keys()]
  const named = [...entitiesOf(policy.scope.principal), ...entitiesOf(policy.scope.resource)]
  const problem = ({ type, id }: Named, code: string, says: string, known: readonly string[]): Problem => {
    const at = parsed.text.indexOf(`${type}::${JSON.stringify(id)}`)
    const offset = at < 0 ? 0 : at + type.length + 3
    return {
      ...placeAt(file, parsed.start + offset),
      length: id.length,
      code,
      says,
      ...didYouMean(id, known),
    }
  }
  return named.flatMap((each) => {
    if (each.type === 'Agent' && !agents.includes(each.id)) {
      const says = `agent \`${each.id}\` neither lives in tenant \`${declared.tenant}\` nor is admitted to it`
      return [problem(each, 'policy.unknown_agent', says, agents)]
    }
    if (each.type === 'Resource' && !each.id.includes('/') && !resources.includes(each.id)) {
      const says = `tenant \`${declared.tenant}\` has no resource \`${each.id}\``
      return [problem(each, 'policy.unknown_resource', says, resources)]
    }
    const of = GROUPS.get(each.type)
    const groups = of === undefined ? [] : groupsOf(declared, of)
    if (of !== undefined && !groups.includes(each.id)) {
      const says = `tenant \`${declared.tenant}\` has no group of ${of} \`${each.id}\``
      return [problem(each, 'policy.unknown_group', says, groups)]
    }
    return []
  })
}

const GROUPS: ReadonlyMap<string, Group['of']> = new Map<GroupType, Group['of']>([
  ['AgentGroup', 'agents'],
  ['UserGroup', 'users'],
])

function groupsOf(declared: Declared, of: Group['of']): readonly string[] {
  const groups = [...(declared.by.get('group')?.values() ?? [])]
  return groups.filter(({ value }) => value['of'] === of).map(({ name }) => name)
}

function keys(declared: Declared, kind: 'agent' | 'admission' | 'resource'): readonly string[] {
  return [...(declared.by.get(kind)?.keys() ?? [])]
}

function entitiesOf(scope: ScopeConstraint): readonly Named[] {
  switch (scope.op) {
    case 'all':
      return []
    case '==':
      return [scope.entity]
    case 'in':
      return scope.entities
    case 'is':
      return scope.in ? [scope.in] : []
  }
}
