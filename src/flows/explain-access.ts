import type { PrincipalChain } from '../core/identity/principal-chain.ts'
import type { NewId, TenantName, UserId } from '../core/ids.ts'
import type { AccessRequest, Json } from '../core/policy/access-request.ts'
import { explain, type LongExplanation } from '../core/policy/explain.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Snapshot, TenantSnapshot } from '../core/snapshot.ts'
import { type EpochMillis, epochSeconds } from '../core/time.ts'
import { didYouMean } from './configuration/problem.ts'
import { agentNamed } from './search-audit.ts'

/** What somebody wants to know: may this agent, for this user, use this tool with this input. */
export type AccessAsk = {
  readonly agent: string
  readonly user?: string
  /** `orders/get_order`; a resource alone (`orders`) asks whether it may be entered. */
  readonly tool: string
  readonly input?: Json
  /** The address that the call would come from. */
  readonly address?: string
}

export type ExplainPorts = {
  readonly snapshot: () => Snapshot
  readonly now: () => EpochMillis
  readonly newId: NewId
}

/**
 * Why a request would be allowed or not, as the data path would decide it now for a freshly attested agent. Decides nothing, records
 * nothing, makes no credential. Refuses `admin.unknown` (no such tenant), `explain.agent_unknown`, `explain.user_unknown`.
 */
export function explainAccess(
  tenant: string,
  ask: AccessAsk,
  ports: ExplainPorts,
): Result<LongExplanation, Refusal> {
  const snapshot = ports.snapshot()
  const known = snapshot.tenants.get(tenant as TenantName)
  if (!known) return err(refuse('unknown', 'admin.unknown', 'There is no such tenant or object.'))
  const agent = agentNamed(known, ask.agent)
  if (!agent) return noSuch('agent', ask.agent, tenant, agentNames(known))
  const user = ask.user === undefined ? undefined : userNamed(known, ask.user)
  if (ask.user !== undefined && !user) return noSuch('user', ask.user, tenant, known.usersByName.keys())
  const now = ports.now()
  const chain: PrincipalChain = {
    tenant: tenant as TenantName,
    agent,
    actors: [agent],
    proof: 'attested',
    session: ports.newId('session') as PrincipalChain['session'],
    links: [],
    rev: snapshot.revision,
    expires: epochSeconds(now / 1000 + 60),
    ...(user === undefined ? {} : { user }),
  }
  const request: AccessRequest = {
    id: ports.newId('decision') as AccessRequest['id'],
    tenant: tenant as TenantName,
    chain,
    ...actOf(ask),
    ...(ask.address === undefined ? {} : { address: ask.address }),
  }
  return ok(explain(request, snapshot, now))
}

function actOf({ tool, input }: AccessAsk): Pick<AccessRequest, 'resource' | 'act'> {
  const at = tool.indexOf('/')
  if (at < 0) return { resource: tool, act: { kind: 'enter' } }
  const resource = tool.slice(0, at)
  return { resource, act: { kind: 'call', tool: tool.slice(at + 1), input: input ?? {} } }
}

function userNamed(tenant: TenantSnapshot, name: string): UserId | undefined {
  return [...tenant.users].find(([id, user]) => user.user === name || id === name)?.[0]
}

function agentNames(tenant: TenantSnapshot): readonly string[] {
  const own = [...tenant.agents.values()].map(({ agent }) => agent)
  return [...own, ...tenant.admissions.keys()]
}

function noSuch(
  what: 'agent' | 'user',
  name: string,
  tenant: string,
  known: Iterable<string>,
): Result<never, Refusal> {
  const { hint } = didYouMean(name, known)
  const says = `Tenant \`${tenant}\` knows no ${what} \`${name}\`${hint ? `; ${hint}` : '.'}`
  return err(refuse('unknown', `explain.${what}_unknown`, says))
}
