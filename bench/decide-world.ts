/** A registry of any size for `decide.*`, as changes, and questions about it. Everything follows from numbers, so that each run asks the same. */
import type { PrincipalChain } from '../src/core/identity/principal-chain.ts'
import { userId } from '../src/core/identity/user.ts'
import {
  type AgentId,
  agentId,
  type DecisionId,
  type Revision,
  type SessionId,
  type TenantName,
} from '../src/core/ids.ts'
import type { AccessRequest } from '../src/core/policy/access-request.ts'
import type { Change, DocumentKind } from '../src/core/registry.ts'
import { type EpochMillis, type EpochSeconds, epochMillis } from '../src/core/time.ts'

/** How much there is in all, over all tenants alike. */
export type Size = { readonly tenants: number; readonly agents: number; readonly policies: number }

export const NOW: EpochMillis = epochMillis(Date.UTC(2026, 10, 24, 12))
const ISSUER = 'https://idp.example'
const TOOLS = ['get', 'find', 'list', 'count', 'export', 'put', 'cancel', 'refund', 'merge', 'close']
/** Groups: teams of agents in departments in the company, branches of users in regions in everybody. */
const TEAMS = 400
const OVER = 40
const RESOURCES = 50

/** Attributes beside those that policies name; with them each agent and each user has twenty. */
const MORE = Array.from({ length: 15 }, (_, at) => `attribute_${at}`)
const types = {
  ...{ customer_id: 'String', level: 'Long', cleared: 'Bool', skills: 'Set<String>', region: 'String' },
  ...Object.fromEntries(MORE.map((name) => [name, 'String'])),
}
function attributes(at: number) {
  const known = {
    customer_id: `c-${at}`,
    level: at % 5,
    cleared: at % 10 > 0,
    skills: ['orders', `s${at % 7}`],
  }
  return {
    ...known,
    region: `region-${at % 9}`,
    ...Object.fromEntries(MORE.map((name, n) => [name, `${n}-${at % 1000}`])),
  }
}

/** What one tenant has of the whole. */
export function shareOf({ tenants, agents, policies }: Size) {
  const [mine, few] = [
    Math.ceil(agents / tenants),
    (most: number) => Math.min(most, Math.ceil(agents / tenants / 4)),
  ]
  return {
    agents: mine,
    users: few(20_000),
    policies: Math.ceil(policies / tenants),
    teams: few(TEAMS),
    resources: Math.min(RESOURCES, Math.max(4, few(RESOURCES))),
  }
}

export const tenantAt = (at: number): TenantName => `tenant-${at}` as TenantName

/** Documents cross a wire in practice, so no text is shared but what a parser shares. */
export function change(
  tenant: TenantName,
  kind: DocumentKind,
  name: string,
  doc: object | null,
  revision = 1,
): Change {
  return JSON.parse(JSON.stringify({ tenant, kind, name, doc, revision: revision as Revision }))
}

/** Everything of a tenant but its agents and policies. */
export function* groundOf(tenant: TenantName, size: Size): Generator<Change> {
  const { users, teams, resources } = shareOf(size)
  yield change(tenant, 'tenant', tenant, { tenant, user_attributes: types, agent_attributes: types })
  yield change(tenant, 'idp', 'company', { idp: 'company', issuer: ISSUER })
  for (const [of, names] of [
    ['agents', ['team', 'department', 'company']],
    ['users', ['branch', 'area', 'everybody']],
  ] as const) {
    const [low, middle, high] = names
    const group = (name: string, within: string[]) =>
      change(tenant, 'group', name, { group: name, of, in: within })
    yield group(high, [])
    for (let at = 0; at < Math.min(OVER, teams); at++) yield group(`${middle}-${at}`, [high])
    for (let at = 0; at < teams; at++) yield group(`${low}-${at}`, [`${middle}-${at % OVER}`])
  }
  const input = {
    type: 'object',
    properties: { customer_id: { type: 'string' }, amount: { type: 'integer' } },
    required: ['customer_id'],
  }
  const tools = Object.fromEntries(
    TOOLS.map((tool, at) => [tool, { hint: at < 5 ? 'read' : 'write', input }]),
  )
  for (let at = 0; at < resources; at++) {
    const resource = `resource-${at}`
    yield change(tenant, 'resource', resource, {
      resource,
      type: 'mcp',
      at: `https://${resource}.internal/mcp`,
      data: 'argument',
      tools,
    })
  }
  yield change(tenant, 'condition', 'office-hours', { condition: 'office-hours', type: 'bench', config: {} })
  for (let at = 0; at < users; at++) {
    const user = `user-${at}@example.com`
    const groups = [`branch-${at % teams}`]
    yield change(tenant, 'user', user, {
      user,
      idp: 'company',
      sub: `sub-${at}`,
      attributes: attributes(at),
      groups,
    })
  }
}

export function agentChange(tenant: TenantName, at: number, { teams }: { readonly teams: number }): Change {
  const agent = `agent-${at}`
  const is = { trust: 'cluster', 'k8s:sa': agent }
  const doc = {
    agent,
    kind: 'workforce',
    owner: `owner-${at % 500}@example.com`,
    is,
    groups: [`team-${at % teams}`],
  }
  return change(tenant, 'agent', agent, { ...doc, attributes: attributes(at) })
}

/** Whoever is in a team acts for everybody, on the resources that the team works with. */
export function delegationChange(
  tenant: TenantName,
  at: number,
  { teams, resources }: { readonly teams: number; readonly resources: number },
): Change {
  const delegation = `delegation-${at}`
  const tools = [0, 1, 2].map((n) => `resource-${((at % teams) + n) % resources}/*`)
  return change(tenant, 'delegation', delegation, { delegation, agent: `agent-${at}`, user: '*', tools })
}

/** The policy number `at` of a tenant, in Cedar. The first are for everybody; the others for a team, a branch or one agent each. */
export function policyText(
  at: number,
  {
    teams,
    resources,
    agents,
  }: { readonly teams: number; readonly resources: number; readonly agents: number },
): string {
  const wide = WIDE[at]
  if (wide !== undefined) return wide
  const n = Math.floor(at / 10)
  const team = (n + (at % 10) * 7) % teams
  const resource = `resource-${(team + (n % 3)) % resources}`
  const on = (action: string) =>
    `action in Action::"${resource}/*${action}", resource == Resource::"${resource}"`
  const tool = `action == Action::"${resource}/${TOOLS[at % TOOLS.length]}", resource == Resource::"${resource}"`
  switch (at % 10) {
    case 0:
    case 1:
    case 2:
    case 3:
      return `permit (principal in AgentGroup::"team-${team}", ${on('write')}) when { principal.level >= 1 && principal.skills.contains("orders") };`
    case 4:
    case 5:
    case 6:
      return `permit (principal in UserGroup::"branch-${team}", ${tool}) when { context.input.customer_id == principal.customer_id };`
    case 7:
      return `permit (principal == Agent::"agent-${(n * 31) % agents}", ${tool}) when { context.conditions.contains("office-hours") };`
    case 8:
      return `forbid (principal in AgentGroup::"department-${team % OVER}", ${on('write')}) unless { principal.cleared };`
    default:
      return `forbid (principal is User in UserGroup::"area-${team % OVER}", ${tool}) when { context.input has amount && context.input.amount > 5000 };`
  }
}

const WIDE = [
  'permit (principal is Agent, action in Action::"*read", resource) when { principal.cleared };',
  'permit (principal is User, action in Action::"*read", resource) when { context.input.customer_id == principal.customer_id };',
  'permit (principal in UserGroup::"everybody", action in Action::"*write", resource) when { context.input.customer_id == principal.customer_id && context.conditions.contains("office-hours") };',
  'forbid (principal, action in Action::"*write", resource) when { context.agent.region == "region-8" };',
]

/** A blended question: another agent, user, resource, tool and argument each time. */
export function question(at: number, size: Size): AccessRequest {
  const { agents, users, teams, resources } = shareOf(size)
  // Steps without a common divisor with the counts, so that all are reached and none twice in a row.
  const tenant = tenantAt((at * 7919) % size.tenants)
  const [agent, user] = [(at * 104_729) % agents, (at * 15_485_863) % users]
  const resource = `resource-${((agent % teams) + (at % 3)) % resources}`
  const id = agentId(tenant, `agent-${agent}`)
  const customer_id = at % 8 === 0 ? `c-${at}` : `c-${user}`
  const act = {
    kind: 'call',
    tool: TOOLS[at % TOOLS.length] ?? '',
    input: { customer_id, amount: at % 6000 },
  } as const
  return { id: 'dec_bench' as DecisionId, tenant, chain: chainOf(tenant, id, user), resource, act }
}

function chainOf(tenant: TenantName, agent: AgentId, user: number): PrincipalChain {
  return {
    tenant,
    agent,
    actors: [agent],
    proof: 'attested',
    user: userId(tenant, ISSUER, `sub-${user}`),
    session: 'ses_bench' as SessionId,
    links: ['trust:cluster', `login:${user}`],
    rev: 2 as Revision,
    expires: (NOW / 1000 + 60) as EpochSeconds,
    jkt: 'thumbprint',
  }
}
