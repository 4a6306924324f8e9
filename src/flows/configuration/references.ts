import type { Agent } from '../../core/identity/agent.ts'
import type { Group } from '../../core/identity/group.ts'
import { type AgentId, splitAgentId, type TenantName } from '../../core/ids.ts'
import { BUILT_IN } from '../../core/policy/built-in-resources.ts'
import { highestOf, isAbove, isSink, raises } from '../../core/policy/label.ts'
import { groupsProblem } from '../../core/policy/nest-groups.ts'
import { type Resource, toolsOf } from '../../core/policy/resource.ts'
import { didYouMean, type Problem } from './problem.ts'
import type { Declaration, DeclaredKind } from './yaml-documents.ts'

/** One tenant's declarations, by kind and name. */
export type Declared = {
  readonly tenant: TenantName
  readonly by: ReadonlyMap<DeclaredKind, ReadonlyMap<string, Declaration>>
}

/** Whether an agent is registered at home, in these files or already in the registry. */
export type KnownAgents = (agent: AgentId) => boolean

type Check = (declared: Declared, each: Declaration, agents: KnownAgents) => Problem | undefined

/** What a document may name, and where the name must lead. */
const CHECKS: Readonly<Partial<Record<DeclaredKind, readonly Check[]>>> = {
  agent: [(declared, each) => names(declared, each, ['is', 'trust'], 'trust'), groupsAreKnown],
  group: [groupsAreKnown],
  gateway: [
    (declared, each) => names(declared, each, ['is', 'trust'], 'trust'),
    gatewayAtOperator,
    nameIsFree,
  ],
  idp: [signInAtOne],
  user: [(declared, each) => names(declared, each, ['idp'], 'idp'), groupsAreKnown, userIsListed],
  resource: [
    nameIsNotBuiltIn,
    credentialIsKnown,
    labelPassesAuthority,
    clearancePassesAuthority,
    clearanceTakesOwnLabel,
  ],
  delegation: [delegatedAgent, delegatedTools],
  admission: [admittedAgent],
}

export function checkReferences(declared: Declared, agents: KnownAgents): readonly Problem[] {
  const problems: Problem[] = []
  for (const [kind, all] of declared.by) {
    for (const each of all.values()) {
      for (const check of CHECKS[kind] ?? []) {
        const found = check(declared, each, agents)
        if (found) problems.push(found)
      }
    }
  }
  return problems
}

function at(
  each: Declaration,
  path: readonly PropertyKey[],
  says: string,
  hint: { hint?: string } = {},
): Problem {
  return { ...each.placeOf(path), code: 'configuration.reference', says, ...hint }
}

function names(
  declared: Declared,
  each: Declaration,
  path: readonly string[],
  kind: DeclaredKind,
): Problem | undefined {
  let value: unknown = each.value
  for (const key of path) value = (value as Record<string, unknown>)[key]
  const known = declared.by.get(kind) ?? new Map<string, Declaration>()
  if (value === undefined || known.has(String(value))) return undefined
  return at(
    each,
    path,
    `tenant \`${declared.tenant}\` has no ${kind} \`${String(value)}\``,
    didYouMean(String(value), known.keys()),
  )
}

/** Agents are in groups of agents, users in groups of users, and a group in groups of what it holds. */
function groupsAreKnown(declared: Declared, each: Declaration): Problem | undefined {
  const key = each.kind === 'group' ? 'in' : 'groups'
  const of = each.kind === 'group' ? String(each.value['of']) : `${each.kind}s`
  const groups = [...(declared.by.get('group')?.values() ?? [])].filter(({ value }) => value['of'] === of)
  const known = groups.map(({ name }) => name)
  const named = (each.value[key] ?? []) as readonly string[]
  const index = named.findIndex((name) => !known.includes(name))
  if (index < 0) return undefined
  const name = named[index] ?? ''
  const says = `tenant \`${declared.tenant}\` has no group of ${of} \`${name}\``
  return at(each, [key, index], says, didYouMean(name, known))
}

/** People sign in at one provider of a tenant: with two, a client would choose for them. */
function signInAtOne(declared: Declared, each: Declaration): Problem | undefined {
  const others = [...(declared.by.get('idp')?.values() ?? [])].filter(({ value }) => value['sign_in'])
  if (!each.value['sign_in'] || others[0]?.name === each.name) return undefined
  return at(
    each,
    ['sign_in'],
    `people sign in at \`${others[0]?.name}\` already: one provider of a tenant has it`,
  )
}

function userIsListed(_declared: Declared, each: Declaration): Problem | undefined {
  if (each.value['registered'] === undefined) return undefined
  return at(each, ['registered'], 'only a sign-in writes this; leave it out')
}

/** Stored, it would make the whole tenant unusable: nothing may stand in the place of what every tenant has. */
function nameIsNotBuiltIn(_declared: Declared, each: Declaration): Problem | undefined {
  if (!BUILT_IN.has(each.name)) return undefined
  const says = `every tenant has a resource \`${each.name}\` already; call this one otherwise`
  return { ...each.placeOf(['resource']), code: 'configuration.built_in', says }
}

function credentialIsKnown(declared: Declared, each: Declaration): Problem | undefined {
  return each.value['credential']
    ? names(declared, each, ['credential', 'provider'], 'credential')
    : undefined
}

function resourceOf({ value }: Declaration): Resource {
  return value as unknown as Resource
}

/** Labels are kept at the authority, and a session passes there only for a credential. */
function labelPassesAuthority(_declared: Declared, each: Declaration): Problem | undefined {
  const resource = resourceOf(each)
  if (!raises(resource) || resource.credential) return undefined
  if (resource.type === 'objects') return outside(each, 'labels')
  const says = `\`${each.name}\` has a label above \`public\`, so it needs a \`credential\`: by it the authority learns which sessions reach the data`
  return { ...each.placeOf(['labels']), code: 'configuration.label_credential', says }
}

function clearancePassesAuthority(_declared: Declared, each: Declaration): Problem | undefined {
  const resource = resourceOf(each)
  if (!isSink(resource) || resource.credential) return undefined
  if (resource.type === 'objects') return outside(each, 'clearance')
  const says = `\`${each.name}\` doesn't take everything, so it needs a \`credential\`: by it the authority judges each call`
  return { ...each.placeOf(['clearance']), code: 'configuration.clearance_credential', says }
}

/** Who guards objects says who asks, but not in which session: no label of it could be raised or looked at. */
function outside(each: Declaration, key: 'labels' | 'clearance'): Problem {
  const says = `objects are guarded where no session can be seen, so \`${key}\` of \`${each.name}\` must say that everybody may know everything`
  return { ...each.placeOf([key]), code: 'configuration.objects_label', says }
}

/** Its own answers would keep a session from coming back. */
function clearanceTakesOwnLabel(_declared: Declared, each: Declaration): Problem | undefined {
  const { labels, clearance } = resourceOf(each)
  const label = highestOf(labels)
  if (!isAbove(label, clearance)) return undefined
  const says = `what \`${each.name}\` answers is \`${label}\`, and \`clearance: ${clearance}\` would keep a session from coming back with it`
  return { ...each.placeOf(['clearance']), code: 'configuration.clearance_label', says }
}

/** A guest is named `home/agent`, one of our own by its name alone. */
export function agentIdOf(tenant: TenantName, ref: string): AgentId {
  return (ref.includes('/') ? ref : `${tenant}/${ref}`) as AgentId
}

function delegatedAgent(declared: Declared, each: Declaration): Problem | undefined {
  const id = agentIdOf(declared.tenant, String(each.value['agent']))
  const guests = declared.by.get('admission') ?? new Map<string, Declaration>()
  const home = declared.by.get('agent') ?? new Map<string, Declaration>()
  const known = splitAgentId(id).home === declared.tenant ? home.has(splitAgentId(id).agent) : guests.has(id)
  if (known) return undefined
  const says = `agent \`${String(each.value['agent'])}\` neither lives in tenant \`${declared.tenant}\` nor is admitted to it`
  return at(
    each,
    ['agent'],
    says,
    didYouMean(String(each.value['agent']), [...home.keys(), ...guests.keys()]),
  )
}

function delegatedTools(declared: Declared, each: Declaration): Problem | undefined {
  const actions = new Set<string>()
  for (const { value } of declared.by.get('resource')?.values() ?? []) {
    actions.add(`${String(value['resource'])}/*`)
    for (const tool of toolsOf(value as unknown as Resource)) actions.add(tool.action)
  }
  const tools = each.value['tools'] as readonly string[]
  const index = tools.findIndex((tool) => !actions.has(tool))
  if (index < 0) return undefined
  return at(
    each,
    ['tools', index],
    `no resource here has a tool \`${tools[index]}\``,
    didYouMean(tools[index] ?? '', actions),
  )
}

function admittedAgent(declared: Declared, each: Declaration, agents: KnownAgents): Problem | undefined {
  const id = each.name as AgentId
  if (!id.includes('/'))
    return at(each, ['admission'], 'an admission names an agent of another tenant, as `home-tenant/agent`')
  if (splitAgentId(id).home === declared.tenant)
    return at(each, ['admission'], 'an agent needs no admission to its own home')
  return agents(id) ? undefined : at(each, ['admission'], `no agent \`${id}\` is registered`)
}

function gatewayAtOperator(declared: Declared, each: Declaration): Problem | undefined {
  return declared.tenant === 'operator'
    ? undefined
    : at(each, ['gateway'], 'a gateway is declared in tenant `operator`, which runs it')
}

/** Gateways and agents are proven the same way, so one name must not mean both. */
function nameIsFree(declared: Declared, each: Declaration): Problem | undefined {
  return declared.by.get('agent')?.has(each.name)
    ? at(each, ['gateway'], `\`${each.name}\` is an agent here already`)
    : undefined
}

/** Groups that a tenant would be broken by. */
export function checkGroups(declared: Declared): readonly Problem[] {
  const all = [...(declared.by.get('group')?.values() ?? [])]
  const says = groupsProblem(all.map(({ value }) => value as unknown as Group))
  const [first] = all
  if (says === undefined || first === undefined) return []
  const named = all.find(({ name }) => says.includes(`"${name}"`) || says.includes(`\`${name}\``)) ?? first
  return [{ ...named.placeOf(['in']), code: 'configuration.group', says }]
}

/** Two agents with the same proof could never be told apart: attestation would refuse both. */
export function checkProofs(declared: Declared): readonly Problem[] {
  const seen = new Map<string, string>()
  const problems: Problem[] = []
  for (const kind of ['agent', 'gateway'] as const) {
    for (const each of declared.by.get(kind)?.values() ?? []) {
      const proof = JSON.stringify(Object.entries((each.value as Agent).is).sort())
      const other = seen.get(proof)
      if (other) problems.push(at(each, ['is'], `proves the same as \`${other}\`: exactly one must match`))
      seen.set(proof, each.name)
    }
  }
  return problems
}
