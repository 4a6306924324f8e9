import type { ApplyPorts } from '../core/apply-changes.ts'
import { seconds } from '../core/identity/name.ts'
import { type AgentId, ID_PREFIX, type NewId, type SessionId, type TenantName } from '../core/ids.ts'
import { link } from '../core/lifecycle/revocation.ts'
import type { LongExplanation } from '../core/policy/explain.ts'
import { factName } from '../core/policy/facts-resource.ts'
import type { PlacedCase, PolicyCase } from '../core/policy/policy-case.ts'
import { sessionLabelName } from '../core/policy/session-label.ts'
import type { Refusal } from '../core/refusal.ts'
import type { ChangeDraft } from '../core/registry.ts'
import { ok, type Result } from '../core/result.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { type EpochMillis, epochMillis } from '../core/time.ts'
import { withDocuments } from './configuration/declared-snapshot.ts'
import { type AccessAsk, explainFresh, requestOf } from './explain-access.ts'
import { agentNamed } from './search-audit.ts'

/** The moment of a case that says none: always the same one, so that no run differs from another. */
const SOME_MOMENT = epochMillis(Date.UTC(2026, 0, 1, 12))
const DAY_S = 86_400

/**
 * What a case comes to in a snapshot: its facts are reported and its session is marked first, then it is asked like any request. Refuses
 * as `requestOf` when the snapshot doesn't know its agent or its user.
 */
export function askCase(
  { tenant, what }: Pick<PlacedCase, 'tenant' | 'what'>,
  snapshot: Snapshot,
  ports: ApplyPorts,
): Result<LongExplanation, Refusal> {
  const now = what.at === undefined ? SOME_MOMENT : epochMillis(Date.parse(what.at))
  const prepared = withDocuments(snapshot, documentsOf(tenant, what, snapshot, now), ports)
  const parts = { snapshot: prepared, now, newId: caseId }
  const request = requestOf(tenant, askOf(what), parts)
  return request.ok ? ok(explainFresh(request.value, parts)) : request
}

const caseId: NewId = (kind) => `${ID_PREFIX[kind]}case`
const SESSION = caseId('session') as SessionId

function askOf({ agent, user, tool, enter, input, address, proof }: PolicyCase): AccessAsk {
  const who = typeof user === 'string' ? user : user?.user
  return {
    agent,
    proof,
    tool: tool ?? enter ?? '',
    ...(who === undefined ? {} : { user: who }),
    ...(input === undefined ? {} : { input }),
    ...(address === undefined ? {} : { address }),
  }
}

function documentsOf(
  tenant: TenantName,
  what: PolicyCase,
  snapshot: Snapshot,
  now: EpochMillis,
): readonly ChangeDraft[] {
  const agent = agentOf(tenant, what, snapshot)
  return [
    ...(agent === undefined ? [] : factsOf(tenant, agent, what, now)),
    ...labelOf(tenant, what, now),
    ...unlistedUser(tenant, what, snapshot),
  ]
}

function agentOf(tenant: TenantName, { agent }: PolicyCase, snapshot: Snapshot): AgentId | undefined {
  const known = snapshot.tenants.get(tenant)
  return known && agentNamed(known, agent)
}

function factsOf(
  tenant: TenantName,
  agent: AgentId,
  { facts }: PolicyCase,
  now: EpochMillis,
): readonly ChangeDraft[] {
  const subject = link('agent', agent)
  return facts.map(({ source, says, age }) => {
    const name = factName(subject, source)
    const doc = { fact: name, subject, source, says, at: now - seconds(age) * 1000 }
    return { tenant, kind: 'fact', name, doc }
  })
}

function labelOf(tenant: TenantName, { carries }: PolicyCase, now: EpochMillis): readonly ChangeDraft[] {
  if (carries === undefined) return []
  const name = sessionLabelName(SESSION, carries)
  const until = Math.floor(now / 1000) + DAY_S
  const doc = { 'session-label': name, session: SESSION, label: carries, until }
  return [{ tenant, kind: 'session-label', name, doc }]
}

/** As the provider that brings users unlisted would have it registered at the first sign-in. */
function unlistedUser(tenant: TenantName, { user }: PolicyCase, snapshot: Snapshot): readonly ChangeDraft[] {
  if (user === undefined || typeof user === 'string') return []
  const idps = [...(snapshot.tenants.get(tenant)?.idps.values() ?? [])]
  const idp = idps.find(({ users }) => users === 'any')?.idp
  if (idp === undefined) return []
  const { user: name, attributes } = user
  const doc = { user: name, idp, sub: `case:${name}`, state: 'active' as const, attributes, groups: [] }
  return [{ tenant, kind: 'user', name, doc }]
}
