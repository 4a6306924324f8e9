import { type Agent, type Proof, sessionLife, tokenLife } from '../core/identity/agent.ts'
import type { PrincipalChain } from '../core/identity/principal-chain.ts'
import { type AgentId, type NewId, splitAgentId, type TenantName, type UserId } from '../core/ids.ts'
import type { AccessRequest, Json } from '../core/policy/access-request.ts'
import type { End } from '../core/policy/ends.ts'
import { explain, type LongExplanation } from '../core/policy/explain.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Snapshot, TenantSnapshot } from '../core/snapshot.ts'
import { type EpochMillis, type EpochSeconds, epochMillis, epochSeconds } from '../core/time.ts'
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
  /** How the agent proved itself; `attested` when absent. */
  readonly proof?: Proof
}

export type ExplainPorts = {
  readonly snapshot: () => Snapshot
  readonly now: () => EpochMillis
  readonly newId: NewId
}

/** What a question is made with. */
export type AskingParts = { readonly snapshot: Snapshot; readonly now: EpochMillis; readonly newId: NewId }

/**
 * Why a request would be allowed or not, as the data path would decide it now for a freshly attested agent. Decides nothing, records
 * nothing, makes no credential. Refuses `admin.unknown` (no such tenant), `explain.agent_unknown`, `explain.user_unknown`.
 */
export function explainAccess(
  tenant: string,
  ask: AccessAsk,
  ports: ExplainPorts,
): Result<LongExplanation, Refusal> {
  const parts = { snapshot: ports.snapshot(), now: ports.now(), newId: ports.newId }
  const request = requestOf(tenant, ask, parts)
  return request.ok ? ok(withHint(explainFresh(request.value, parts), parts.snapshot)) : request
}

/** Of what isn't there: what was probably meant. */
function withHint(explained: LongExplanation, { tenants }: Snapshot): LongExplanation {
  const { reason, resource, tool = '' } = explained
  const resources = tenants.get(explained.tenant)?.resources
  const hint =
    reason === 'resource.unknown'
      ? didYouMean(resource, resources?.keys() ?? []).hint
      : reason === 'tool.unknown'
        ? didYouMean(tool, resources?.get(resource)?.tools.keys() ?? []).hint
        : undefined
  return hint === undefined ? explained : { ...explained, advice: [...explained.advice, hint] }
}

/** The request as a freshly attested agent would make it, with a token and a session that begin now. Refuses as `explainAccess`. */
export function requestOf(
  tenant: string,
  ask: AccessAsk,
  { snapshot, now, newId }: AskingParts,
): Result<AccessRequest, Refusal> {
  const known = snapshot.tenants.get(tenant as TenantName)
  if (!known) return err(refuse('unknown', 'admin.unknown', 'There is no such tenant or object.'))
  const agent = agentNamed(known, ask.agent)
  if (!agent) return noSuch('agent', ask.agent, tenant, agentNames(known))
  const user = ask.user === undefined ? undefined : userNamed(known, ask.user)
  if (ask.user !== undefined && !user) return noSuch('user', ask.user, tenant, known.usersByName.keys())
  const chain: PrincipalChain = {
    tenant: tenant as TenantName,
    agent,
    actors: [agent],
    proof: ask.proof ?? 'attested',
    session: newId('session') as PrincipalChain['session'],
    links: [],
    rev: snapshot.revision,
    expires: endOfToken(known, agent, snapshot, now),
    ...(user === undefined ? {} : { user }),
  }
  return ok({
    id: newId('decision') as AccessRequest['id'],
    tenant: tenant as TenantName,
    chain,
    ...actOf(ask),
    ...(ask.address === undefined ? {} : { address: ask.address }),
  })
}

const UNREGISTERED_LIFE = 60

function agentIn(snapshot: Snapshot, id: AgentId): Agent | undefined {
  return snapshot.tenants.get(splitAgentId(id).home)?.agents.get(id)
}

/** As the token endpoint gives it: the agent's own life, and never past its admission. */
function endOfToken(tenant: TenantSnapshot, id: AgentId, snapshot: Snapshot, now: EpochMillis): EpochSeconds {
  const agent = agentIn(snapshot, id)
  const life = agent === undefined ? UNREGISTERED_LIFE : tokenLife(agent)
  const until = tenant.admissions.get(id)?.until
  const ends = epochSeconds(now / 1000 + life)
  return until === undefined || Date.parse(until) <= now
    ? ends
    : epochSeconds(Math.min(ends, Date.parse(until) / 1000))
}

/** The explanation of such a request. Its session is none yet, so nobody can revoke it, but how long it may last is known. */
export function explainFresh(
  request: AccessRequest,
  { snapshot, now }: Pick<AskingParts, 'snapshot' | 'now'>,
): LongExplanation {
  const explained = explain(request, snapshot, now)
  const agent = agentIn(snapshot, request.chain.agent)
  if (explained.outcome !== 'allow' || agent === undefined) return explained
  const at = epochMillis(now + sessionLife(agent) * 1000)
  const session: End = { what: 'session', at, reason: 'subject.expired' }
  return {
    ...explained,
    ends: [...explained.ends, session].sort((a, b) => a.at - b.at),
    revocable: explained.revocable.filter((each) => !each.startsWith('session ')),
  }
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
