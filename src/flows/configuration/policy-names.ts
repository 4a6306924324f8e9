import type { Group } from '../../core/identity/group.ts'
import { BUILT_IN } from '../../core/policy/built-in-resources.ts'
import type { ScopeConstraint } from '../../core/policy/cedar/cedar.ts'
import { isSlot, type TemplateScope } from '../../core/policy/cedar/scope.ts'
import type { GroupType } from '../../core/policy/entities.ts'
import type { ParsedPolicy } from '../../lib/cedar/cedar.ts'
import { type ConfigurationFile, didYouMean, type Problem, placeAt } from './problem.ts'
import type { Declared } from './references.ts'

type Named = { readonly type: string; readonly id: string }

/** A name that a scope or a slot holds and the tenant doesn't have. */
export type UnknownName = {
  readonly code: 'policy.unknown_agent' | 'policy.unknown_resource' | 'policy.unknown_group'
  readonly says: string
  readonly hint?: string
}

/**
 * Agents, groups and resources that a policy's scope names and the tenant doesn't have. Cedar takes any name there, and a permit for nobody
 * looks like a permit. Users may come from their provider unlisted, and what is another tenant's (`tenant/name`, in the forbids of
 * an agent's home) is not known here, so neither is judged.
 */
export function unknownNames(
  parsed: ParsedPolicy,
  { principal, resource }: TemplateScope,
  declared: Declared,
  file: ConfigurationFile,
): readonly Problem[] {
  const named = [principal, resource].flatMap((each) => (isSlot(each) ? [] : entitiesOf(each)))
  return named.flatMap((each) => {
    const unknown = unknownName(each, declared)
    if (unknown === undefined) return []
    const { type, id } = each
    const at = parsed.text.indexOf(`${type}::${JSON.stringify(id)}`)
    const offset = at < 0 ? 0 : at + type.length + 3
    return [{ ...placeAt(file, parsed.start + offset), length: id.length, ...unknown }]
  })
}

/** The same of one entity, wherever it is named. */
export function unknownName({ type, id }: Named, declared: Declared): UnknownName | undefined {
  const agents = [...keys(declared, 'agent'), ...keys(declared, 'admission')]
  if (type === 'Agent' && !agents.includes(id)) {
    const says = `agent \`${id}\` neither lives in tenant \`${declared.tenant}\` nor is admitted to it`
    return { code: 'policy.unknown_agent', says, ...didYouMean(id, agents) }
  }
  const resources = [...keys(declared, 'resource'), ...BUILT_IN.keys()]
  if (type === 'Resource' && !id.includes('/') && !resources.includes(id)) {
    const says = `tenant \`${declared.tenant}\` has no resource \`${id}\``
    return { code: 'policy.unknown_resource', says, ...didYouMean(id, resources) }
  }
  const of = GROUPS.get(type)
  const groups = of === undefined ? [] : groupsOf(declared, of)
  if (of === undefined || groups.includes(id)) return undefined
  const says = `tenant \`${declared.tenant}\` has no group of ${of} \`${id}\``
  return { code: 'policy.unknown_group', says, ...didYouMean(id, groups) }
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
