import { type AgentId, splitAgentId } from '../../core/ids.ts'
import { BUILT_IN } from '../../core/policy/built-in-resources.ts'
import type { PolicyCase } from '../../core/policy/policy-case.ts'
import { type Resource, toolsOf } from '../../core/policy/resource.ts'
import type { ReadCase } from './cases-file.ts'
import { didYouMean, type Problem } from './problem.ts'
import type { Declared } from './references.ts'

/** What the cases of a tenant may name. */
type Known = {
  readonly declared: Declared
  readonly policies: readonly string[]
}

type Check = (what: PolicyCase, known: Known) => Wrong | undefined
type Wrong = {
  readonly path: readonly PropertyKey[]
  readonly code: string
  readonly says: string
  readonly hint?: string
}

const CHECKS: readonly Check[] = [
  agentIsKnown,
  userIsKnown,
  resourceIsKnown,
  toolIsKnown,
  policiesAreKnown,
  momentIsKnown,
]

/**
 * A case about what isn't there would be refused for that, and look like a tested refusal. Codes: `cases.unknown_agent`,
 * `cases.unknown_user`, `cases.unknown_resource`, `cases.unknown_tool`, `cases.unknown_policy`, `cases.no_time`.
 */
export function checkCases(cases: readonly ReadCase[], known: Known): readonly Problem[] {
  return cases.flatMap(({ what, placeOf }) =>
    CHECKS.flatMap((check) => {
      const wrong = check(what, known)
      if (wrong === undefined) return []
      const { path, ...rest } = wrong
      return [{ ...placeOf(path), ...rest }]
    }),
  )
}

function keys({ by }: Declared, kind: Parameters<Declared['by']['get']>[0]): readonly string[] {
  return [...(by.get(kind)?.keys() ?? [])]
}

/** Own agents by name; guests with their home, or without where no other is called so. */
function agentIsKnown({ agent }: PolicyCase, { declared }: Known): Wrong | undefined {
  const own = keys(declared, 'agent')
  const guests = keys(declared, 'admission')
  const plain = guests.map((guest) => splitAgentId(guest as AgentId).agent)
  const byName = plain.filter((name) => plain.indexOf(name) === plain.lastIndexOf(name))
  const all = [...own, ...own.map((name) => `${declared.tenant}/${name}`), ...guests, ...byName]
  if (all.includes(agent)) return undefined
  const says = `agent \`${agent}\` neither lives in tenant \`${declared.tenant}\` nor is admitted to it`
  return { path: ['agent'], code: 'cases.unknown_agent', says, ...didYouMean(agent, all) }
}

function userIsKnown({ user }: PolicyCase, { declared }: Known): Wrong | undefined {
  const listed = keys(declared, 'user')
  if (typeof user === 'string') {
    if (listed.includes(user)) return undefined
    const says = `tenant \`${declared.tenant}\` has no user \`${user}\``
    return { path: ['user'], code: 'cases.unknown_user', says, ...didYouMean(user, listed) }
  }
  if (user === undefined) return undefined
  const open = [...(declared.by.get('idp')?.values() ?? [])].some(({ value }) => value['users'] === 'any')
  if (open) return undefined
  const says = `no identity provider of tenant \`${declared.tenant}\` brings users that are not listed`
  return { path: ['user'], code: 'cases.unknown_user', says }
}

function resourceIsKnown({ tool, enter }: PolicyCase, { declared }: Known): Wrong | undefined {
  const name = enter ?? tool?.slice(0, tool.indexOf('/')) ?? ''
  const known = [...keys(declared, 'resource'), ...BUILT_IN.keys()]
  if (known.includes(name)) return undefined
  const says = `tenant \`${declared.tenant}\` has no resource \`${name}\``
  const path = [enter === undefined ? 'tool' : 'enter']
  return { path, code: 'cases.unknown_resource', says, ...didYouMean(name, known) }
}

function toolIsKnown({ tool }: PolicyCase, { declared }: Known): Wrong | undefined {
  if (tool === undefined) return undefined
  const name = tool.slice(0, tool.indexOf('/'))
  const resource = declared.by.get('resource')?.get(name)?.value as Resource | undefined
  if (resource === undefined && !BUILT_IN.has(name)) return undefined
  const tools = resource === undefined ? [...(BUILT_IN.get(name)?.tools.values() ?? [])] : toolsOf(resource)
  const actions = tools.map(({ action }) => action)
  if (actions.includes(tool)) return undefined
  const says = `\`${name}\` has no tool \`${tool.slice(name.length + 1)}\``
  return { path: ['tool'], code: 'cases.unknown_tool', says, ...didYouMean(tool, actions) }
}

function policiesAreKnown({ by = [] }: PolicyCase, { declared, policies }: Known): Wrong | undefined {
  const missing = [by].flat().find((name) => !policies.includes(name))
  if (missing === undefined) return undefined
  const says = `tenant \`${declared.tenant}\` has no policy \`${missing}\``
  return { path: ['by'], code: 'cases.unknown_policy', says, ...didYouMean(missing, policies) }
}

/** Where something reads the clock, a case without a time would come to one answer by day and to another by night. */
function momentIsKnown({ at }: PolicyCase, { declared }: Known): Wrong | undefined {
  if (at !== undefined) return undefined
  const values = (kind: 'condition' | 'delegation' | 'admission') => [
    ...(declared.by.get(kind)?.values() ?? []),
  ]
  const timed = values('condition').find(({ value }) => value['type'] === 'time')
  const ending = [...values('delegation'), ...values('admission')].find(
    ({ value }) => value['until'] !== undefined,
  )
  const reading = timed ?? ending
  if (reading === undefined) return undefined
  const says = `say \`at\`, since the answer may depend on the hour: ${reading.kind} \`${reading.name}\` reads the clock`
  return { path: [], code: 'cases.no_time', says }
}
