import type { AgentId, Revision, TenantName } from '../ids.ts'
import type { Snapshot } from '../snapshot.ts'
import type { EpochMillis } from '../time.ts'
import type { AccessRequest } from './access-request.ts'
import { type CedarPolicy, explainPolicy, type Miss, UNKNOWN, type Value } from './cedar/cedar.ts'
import { decide } from './decide.ts'
import type { Decision, Explanation, Side } from './decision.ts'
import { cedarRequest, type FrameSide, sidesOf } from './frame.ts'
import { projectInput } from './project-input.ts'
import { isWhole, lookUp, nameOf, type Whole } from './question.ts'
import type { Tool } from './tool.ts'

/** A permit that did not apply, and by what: the first clause that missed, and the values it met. */
export type NearestPermit = { readonly policy: string } & Miss

/** One side, with what would have been nearest when nothing permitted it. */
export type ExplainedSide = Side & {
  readonly nearest: readonly NearestPermit[]
  /** Policies that could not be judged, and why. */
  readonly errors: readonly NearestPermit[]
}

/** The long answer to *why*, for people who may see the tenant's policies. Its JSON is the same facts. */
export type LongExplanation = {
  readonly outcome: Decision['outcome']
  readonly reason: string
  /** The sentence that the caller gets. */
  readonly says?: string
  readonly revision: Revision
  readonly tenant: TenantName
  readonly agent: AgentId
  readonly agentName: string
  readonly user?: string
  readonly act: AccessRequest['act']['kind']
  readonly resource: string
  readonly tool?: string
  readonly delegation?: string
  readonly sides: readonly ExplainedSide[]
  readonly conditions: Explanation['conditions']
  /** What would have to be different; one sentence a line. */
  readonly advice: readonly string[]
}

const NEAREST = 3

/** Decides, and says why at length. As pure as `decide`, and its answer is the same; an `Allow` is not given away. */
export function explain(request: AccessRequest, snapshot: Snapshot, now: EpochMillis): LongExplanation {
  const decision = decide(request, snapshot, now)
  const question = lookUp(request, snapshot, now)
  const sides = isWhole(question) ? explainSides(question, decision) : []
  const { act, resource, tenant } = request
  const delegation = decision.explanation.delegation
  return {
    outcome: decision.outcome,
    reason: decision.reason,
    ...(decision.outcome === 'allow' ? {} : { says: decision.refusal.says }),
    revision: snapshot.revision,
    tenant,
    agent: request.chain.agent,
    agentName: nameOf(question.caller),
    ...(question.user ? { user: question.user.user } : {}),
    act: act.kind,
    resource,
    ...(act.kind === 'enter' ? {} : { tool: act.tool }),
    ...(delegation === undefined ? {} : { delegation }),
    sides,
    conditions: decision.explanation.conditions,
    advice: adviceFor(decision, sides, question.user?.user),
  }
}

function explainSides(question: Whole, decision: Decision): readonly ExplainedSide[] {
  const judged = decision.explanation.sides
  const tool = toolOf(question, decision)
  if (tool === undefined) return judged.map((side) => ({ ...side, nearest: [], errors: [] }))
  const holding = new Set(
    decision.explanation.conditions.filter(({ state }) => state === 'holds').map(({ name }) => name),
  )
  const frames = sidesOf(question, tool, inputOf(question, tool))
  return judged.map((side) => {
    const frame = frames.find(({ principal }) => principal === side.principal)
    if (frame === undefined || side.principal === 'home') return { ...side, nearest: [], errors: [] }
    const errors = missesOf(frame, holding, ({ id }) => side.erring.includes(id))
    const nearest = side.outcome === 'no_permit' ? nearestPermits(frame, holding, question) : []
    return { ...side, nearest, errors }
  })
}

/** For an entry: the tool whose judgement the explanation tells. */
function toolOf({ known, request }: Whole, decision: Decision): Tool | undefined {
  if (request.act.kind !== 'enter') return known.tools.get(request.act.tool)
  const action = decision.outcome === 'deny' ? decision.refusal.facts['action'] : undefined
  return [...known.tools.values()].find((tool) => tool.action === action)
}

function inputOf({ request }: Whole, tool: Tool): Value {
  if (request.act.kind !== 'call') return UNKNOWN
  const projected = projectInput(tool.input, request.act.input)
  return projected.ok ? projected.value : UNKNOWN
}

/** Permits for this kind of principal that came nearest: a clause missed is nearer than the action, and that than the principal. */
function nearestPermits(
  side: FrameSide,
  holding: ReadonlySet<string>,
  { tenant }: Whole,
): readonly NearestPermit[] {
  const type = side.principal === 'user' ? 'User' : 'Agent'
  const permits = tenant.policies.for[type].filter(({ effect }) => effect === 'permit')
  const missed = missesOf(side, holding, () => true, permits)
  const near = missed.filter(({ part }) => NEARNESS[part] > NEARNESS.action)
  const about = near.length > 0 ? near : missed.filter(({ part }) => part === 'action')
  return about.sort((a, b) => NEARNESS[b.part] - NEARNESS[a.part]).slice(0, NEAREST)
}

const NEARNESS: Readonly<Record<Miss['part'], number>> = {
  principal: 0,
  action: 1,
  resource: 2,
  when: 3,
  unless: 3,
}

function missesOf(
  side: FrameSide,
  holding: ReadonlySet<string>,
  which: (policy: CedarPolicy) => boolean,
  policies: readonly CedarPolicy[] = side.candidates,
): NearestPermit[] {
  const request = cedarRequest(side.frame, side.uid, holding)
  return policies.filter(which).flatMap((policy) => {
    const miss = explainPolicy(policy, request, side.frame.entities)
    return miss === undefined ? [] : [{ policy: policy.id, ...miss }]
  })
}

function adviceFor(
  decision: Decision,
  sides: readonly ExplainedSide[],
  user: string | undefined,
): readonly string[] {
  if (decision.outcome === 'allow') return []
  if (decision.outcome === 'ask') return ['A person must approve this very call.']
  switch (decision.reason) {
    case 'user.no_permit': {
      const fine = sides.some(({ principal, outcome }) => principal === 'agent' && outcome === 'permitted')
      const nothing = fine ? ' Nothing about the agent is missing.' : ''
      return [`To allow it, ${user ?? 'the user'} needs a permit for it.${nothing}`]
    }
    case 'agent.no_permit':
      return ['To allow it, the agent needs a permit for it.']
    case 'condition.missing':
    case 'condition.stale':
      return ['A missing or stale fact denies however a policy uses it; see why its source is silent.']
    case 'condition.false':
      return ['It is allowed once these conditions hold.']
    case 'policy.error':
      return ['A policy that can not be judged denies. Mend it, or give what it reads.']
    default:
      return [decision.refusal.says]
  }
}
