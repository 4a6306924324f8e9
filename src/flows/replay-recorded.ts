import { isDeepStrictEqual } from 'node:util'
import type { Proof } from '../core/identity/agent.ts'
import type { PrincipalChain } from '../core/identity/principal-chain.ts'
import { type DecisionId, type SessionId, splitAgentId, type UserId } from '../core/ids.ts'
import { withEntry } from '../core/persistent-map.ts'
import type { AccessRequest, Json } from '../core/policy/access-request.ts'
import { UNKNOWN } from '../core/policy/cedar/cedar.ts'
import { readsOfContext } from '../core/policy/cedar/context-read.ts'
import type { ConditionResult, ConditionTest } from '../core/policy/condition.ts'
import { decide } from '../core/policy/decide.ts'
import type { Decision } from '../core/policy/decision.ts'
import { sidesOf } from '../core/policy/frame.ts'
import { type Answer, type Hidden, hasChanged, type RecordedDecision } from '../core/policy/policy-diff.ts'
import { isWhole, lookUp } from '../core/policy/question.ts'
import type { Snapshot, TenantSnapshot } from '../core/snapshot.ts'
import { type EpochMillis, epochMillis, epochSeconds } from '../core/time.ts'
import { parseStrictJsonText } from '../lib/strict-json.ts'

/** What a recorded decision comes to on both sides, or why that can't be known. */
export type Replayed = { readonly before: Answer; readonly after: Answer } | { readonly why: string }

type Sides = { readonly before: Snapshot; readonly after: Snapshot }

/**
 * Puts a recorded decision to both sides, by the same `decide`, at the time of the record. The log lacks some of what was decided by: the
 * address, the facts behind conditions, how the agent proved itself, and what was erased. A condition comes to what was recorded of it while
 * its definition is the same on both sides, or to what the clock alone says. Whatever else would have to be guessed makes it one that is
 * not replayed, and so does a first side that doesn't answer as was recorded: then something else decided than what stands there.
 */
export function replayRecorded(recorded: RecordedDecision, sides: Sides): Replayed {
  const unknown = whatIsMissing(recorded)
  if (unknown !== undefined) return { why: unknown }
  const proofs = PROOFS.map((proof) => answerBoth(recorded, sides, proof))
  const lacking = proofs.flatMap((each) => each.lacking)[0]
  if (lacking !== undefined) return { why: lacking }
  const consistent = proofs.filter(({ before }) => !hasChanged(before, { ...recorded, policies: [] }))
  const [first, ...others] = consistent
  if (first === undefined) return { why: otherwise(recorded, proofs[0]?.before) }
  if (others.some(({ after }) => hasChanged(after, first.after)))
    return { why: 'it depends on how the agent proved itself, which is not recorded' }
  return { before: first.before, after: first.after }
}

const PROOFS: readonly Proof[] = ['attested', 'enrolled', 'claimed']

function otherwise({ outcome, reason }: RecordedDecision, before: Answer | undefined): string {
  const told = before === undefined ? 'otherwise' : `${before.outcome} (${before.reason})`
  return `the first side answers ${told} where ${outcome} (${reason}) was recorded: it is not what decided`
}

/** Reasons that are about the credential, its key or the way of the request: a replay has none of these. */
const BESIDE = /^(?:chain|token|dpop|scope|lease|login|gateway|registry|journal|store|keys)\./

/** What has to be known before anything can be asked. */
function whatIsMissing({ reason, agent, user, resource, tool, input }: RecordedDecision): string | undefined {
  if (BESIDE.test(reason))
    return `\`${reason}\` is about its credential or its way here, which are not replayed`
  if (agent === undefined || resource === undefined) return 'no agent or no resource is recorded with it'
  if (user !== undefined && 'erased' in user) return 'its user is erased'
  if (tool !== undefined && input !== undefined && 'shown' in input && parsed(input) === undefined)
    return 'its arguments are recorded as something that is not JSON'
  return undefined
}

function parsed(input: Hidden | undefined): Json | undefined {
  return input !== undefined && 'shown' in input ? parseStrictJsonText(input.shown) : undefined
}

type Both = { readonly before: Answer; readonly after: Answer; readonly lacking: readonly string[] }

function answerBoth(recorded: RecordedDecision, sides: Sides, proof: Proof): Both {
  const [before, after] = [sides.before, sides.after].map((side) => answerOn(side, recorded, sides, proof))
  if (before === undefined || after === undefined) return { before: NO_ANSWER, after: NO_ANSWER, lacking: [] }
  return {
    before: before.answer,
    after: after.answer,
    lacking: [...before.lacking, ...after.lacking, ...unlike(recorded, sides)],
  }
}

const NO_ANSWER: Answer = { outcome: 'deny', reason: '', policies: [] }

/** What is not recorded and was the same for both sides only as long as these declare the same. */
function unlike(
  { tenant, resource = '', tool = '', input }: RecordedDecision,
  sides: Sides,
): readonly string[] {
  const [one, other] = [sides.before, sides.after].map((each) =>
    each.tenants.get(tenant)?.resources.get(resource),
  )
  if (one === undefined || other === undefined) return []
  const tools = [one, other].map((each) => each.tools.get(tool))
  const hidden = parsed(input) === undefined && tool !== ''
  return [
    ...(one.resource.clearance === other.resource.clearance
      ? []
      : ['the clearance differs, and what the session carried is not recorded']),
    ...(hidden && !isDeepStrictEqual(tools[0]?.input, tools[1]?.input)
      ? ['the declared arguments differ, and what they were is not shown']
      : []),
  ]
}

function answerOn(
  snapshot: Snapshot,
  recorded: RecordedDecision,
  sides: Sides,
  proof: Proof,
): { readonly answer: Answer; readonly lacking: readonly string[] } {
  const lacking = new Set<string>()
  const remembering = asRecorded(snapshot, recorded, sides, (what) => lacking.add(what))
  const user = userIn(remembering, recorded)
  if (user === 'unlisted') return { answer: NO_ANSWER, lacking: ['its user is not listed on both sides'] }
  const request = requestOf(remembering, recorded, proof, user)
  const now = epochMillis(recorded.at)
  const decision = decide(request, remembering, now)
  for (const [name, why] of UNRECORDED) if (readsUnknown(name, request, remembering, now)) lacking.add(why)
  return { answer: answerOf(decision, remembering), lacking: [...lacking] }
}

function userIn(snapshot: Snapshot, { tenant, user }: RecordedDecision): UserId | 'unlisted' | undefined {
  if (user === undefined || !('shown' in user)) return undefined
  const listed = [...(snapshot.tenants.get(tenant)?.users ?? [])]
  return listed.find(([id, each]) => each.user === user.shown || id === user.shown)?.[0] ?? 'unlisted'
}

/** Each is replayed as a chain of the recorded agent alone: who acted before it is not recorded. */
function requestOf(
  snapshot: Snapshot,
  recorded: RecordedDecision,
  proof: Proof,
  user: UserId | undefined,
): AccessRequest {
  const { tenant, resource = '', tool, at } = recorded
  const agent = recorded.agent ?? (`${tenant}/` as PrincipalChain['agent'])
  const chain: PrincipalChain = {
    tenant,
    agent,
    actors: [agent],
    proof,
    session: 'ses_recorded' as SessionId,
    links: [],
    rev: snapshot.revision,
    expires: epochSeconds(at / 1000 + 60),
    ...(user === undefined ? {} : { user }),
  }
  const act = tool === undefined ? ({ kind: 'enter' } as const) : actOf(snapshot, recorded, tool)
  return { id: 'dec_recorded' as DecisionId, tenant, chain, resource, act }
}

/** With its arguments where they are known, or where the tool declares none; else as far as it can be judged without. */
function actOf(
  snapshot: Snapshot,
  { tenant, resource = '', input }: RecordedDecision,
  tool: string,
): AccessRequest['act'] {
  const known = snapshot.tenants.get(tenant)?.resources.get(resource)?.tools.get(tool)
  const value = parsed(input) ?? (known?.input === undefined ? {} : undefined)
  return value === undefined ? { kind: 'list', tool } : { kind: 'call', tool, input: value }
}

const UNRECORDED = [
  ['input', 'a policy reads the arguments, which are not shown'],
  ['address', 'a policy reads the address, which is not recorded'],
] as const

/** Entering was decided without arguments, and so it is here. */
function readsUnknown(
  name: 'input' | 'address',
  request: AccessRequest,
  snapshot: Snapshot,
  now: EpochMillis,
): boolean {
  const question = lookUp(request, snapshot, now)
  const { act } = request
  if (!isWhole(question) || (name === 'input' && act.kind !== 'list')) return false
  const { tools } = question.known
  const asked = act.kind === 'enter' ? [...tools.values()] : [tools.get(act.tool) ?? []].flat()
  return asked.some((tool) =>
    sidesOf(question, tool, UNKNOWN).some(({ candidates }) =>
      candidates.some((policy) => readsOfContext(policy, name)),
    ),
  )
}

/** A list never asks; the call that was recorded would, by a permit that says so. */
function answerOf(decision: Decision, snapshot: Snapshot): Answer {
  const { outcome, reason, explanation, request } = decision
  const policies = explanation.sides.flatMap((side) => side.policies)
  const byName = snapshot.tenants.get(request.tenant)?.policies.byName
  const asks = policies.some((name) => byName?.get(name)?.annotations.has('ask'))
  if (outcome === 'allow' && request.act.kind === 'list' && asks)
    return { outcome: 'ask', reason: 'approval.needed', policies }
  return { outcome, reason, policies }
}

/** The same snapshot, where each condition comes to what is known of it; what has to be guessed is told. */
function asRecorded(
  snapshot: Snapshot,
  recorded: RecordedDecision,
  sides: Sides,
  lacks: (what: string) => void,
): Snapshot {
  const states = new Map(recorded.conditions.map((each) => splitState(each)))
  const homes = recorded.agent === undefined ? [] : [splitAgentId(recorded.agent).home]
  let { tenants } = snapshot
  for (const name of new Set([recorded.tenant, ...homes])) {
    const tenant = tenants.get(name)
    if (tenant === undefined) continue
    const own = name === recorded.tenant
    let { conditions } = tenant
    for (const [condition, known] of conditions) {
      const state = own && sameEverywhere(sides, tenant, condition) ? states.get(condition) : undefined
      const test = asKnown(known.test, state, () => lacks(whatIsLacking(condition, own)))
      conditions = withEntry(conditions, condition, { ...known, test })
    }
    tenants = withEntry(tenants, name, { ...tenant, conditions })
  }
  return { ...snapshot, tenants }
}

function whatIsLacking(condition: string, own: boolean): string {
  return own
    ? `the facts behind condition \`${condition}\` are not recorded`
    : "the conditions of the agent's home are not recorded"
}

function splitState(text: string): readonly [string, string] {
  const at = text.lastIndexOf(':')
  return [text.slice(0, at), text.slice(at + 1)]
}

function sameEverywhere({ before, after }: Sides, { tenant }: TenantSnapshot, name: string): boolean {
  const [one, other] = [before, after].map(
    (each) => each.tenants.get(tenant.tenant as RecordedDecision['tenant'])?.conditions.get(name)?.condition,
  )
  return one !== undefined && isDeepStrictEqual(one, other)
}

const STATES = ['holds', 'fails', 'missing', 'stale'] as const

/** What the clock alone decides is asked again; else what was recorded counts. */
function asKnown(test: ConditionTest, recorded: string | undefined, lacks: () => void): ConditionTest {
  return ({ now }): ConditionResult => {
    const byClock = test({ now, reported: () => undefined })
    if (byClock.state === 'holds' || byClock.state === 'fails') return byClock
    const state = STATES.find((each) => each === recorded)
    if (state === undefined) {
      lacks()
      return { state: 'missing', fact: 'nothing is recorded of it' }
    }
    return state === 'holds' || state === 'fails'
      ? { state, fact: 'as it was recorded', ageSeconds: 0 }
      : { state, fact: 'as it was recorded' }
  }
}
