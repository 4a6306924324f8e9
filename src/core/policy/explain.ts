import type { AgentId, Revision, TenantName } from '../ids.ts'
import { type Link, link } from '../lifecycle/revocation.ts'
import type { Snapshot } from '../snapshot.ts'
import type { EpochMillis } from '../time.ts'
import type { AccessRequest } from './access-request.ts'
import { adviceFor } from './advice.ts'
import {
  type CedarPolicy,
  explainMatch,
  explainPolicy,
  type Met,
  type Miss,
  UNKNOWN,
  type Value,
} from './cedar/cedar.ts'
import { constraintTest } from './cedar/policy.ts'
import { decide } from './decide.ts'
import type { Decision, Explanation, Side } from './decision.ts'
import { type End, endsOf } from './ends.ts'
import { cedarRequest, type FrameSide, factsOf, sidesOf } from './frame.ts'
import { byId } from './policy-index.ts'
import { policiesFor } from './policy-set.ts'
import { projectInput, projectKnown } from './project-input.ts'
import { isWhole, lookUp, nameOf, type Question, type Whole } from './question.ts'
import { linksOf } from './standing.ts'
import type { Tool } from './tool.ts'

/** A policy by its name, and what it is made of where it is made of a template: the text that a person has to look at. */
type Named = { readonly policy: string; readonly template?: string }

/** A permit that did not apply, and by what: the first clause that missed, and the values it met. */
export type NearestPermit = Named & Miss

/** A policy that decided, with each part of its clauses and what that met; none where its scope alone is enough. */
export type MatchedPolicy = Named & { readonly clauses: readonly Met[] }

/** One side, with what decided, and what would have been nearest when nothing permitted it. */
export type ExplainedSide = Side & {
  readonly matched: readonly MatchedPolicy[]
  readonly nearest: readonly NearestPermit[]
  /** Policies that could not be judged, and why. */
  readonly errors: readonly NearestPermit[]
}

/** A condition's fact, and when by itself it comes to something else, if that is known. */
export type ExplainedCondition = Explanation['conditions'][number] & { readonly changes?: EpochMillis }

/**
 * The long answer to *why*, for people who may see the tenant's policies. Its JSON is the same facts. It tells nothing of another tenant
 * but the name by which this one admitted a guest, and quotes no policy about another resource than the one that is asked for.
 */
export type LongExplanation = {
  readonly outcome: Decision['outcome']
  readonly reason: string
  /** The sentence that the caller gets. */
  readonly says?: string
  /** The moment that it is true of; times below are to be read from it. */
  readonly at: EpochMillis
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
  readonly conditions: readonly ExplainedCondition[]
  /** What would have to be different; one sentence a line. */
  readonly advice: readonly string[]
  /** Of what is allowed: what ends it by itself, soonest first. */
  readonly ends: readonly End[]
  /** Of what is allowed: what ends it at once when it is revoked, as `countersign revoke` takes it: `user ana@a.example`. */
  readonly revocable: readonly string[]
}

const NEAREST = 3

/** Decides, and says why at length. As pure as `decide`, and its answer is the same; an `Allow` is not given away. */
export function explain(request: AccessRequest, snapshot: Snapshot, now: EpochMillis): LongExplanation {
  const decision = decide(request, snapshot, now)
  const question = lookUp(request, snapshot, now)
  const sides = isWhole(question) ? explainSides(question, decision) : []
  const { act, resource, tenant } = request
  const { delegation, conditions } = decision.explanation
  const allowed = decision.outcome === 'allow'
  return {
    outcome: decision.outcome,
    reason: decision.reason,
    ...(decision.outcome === 'allow' ? {} : { says: decision.refusal.says }),
    at: now,
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
    conditions: conditions.map((each) => withChange(each, question)),
    advice: adviceFor(decision, sides, nameOf(question.caller), question.user?.user),
    ends: allowed ? endsOf(request, snapshot, now, conditions) : [],
    revocable: allowed ? revocableOf(question, delegation) : [],
  }
}

function withChange(condition: Explanation['conditions'][number], question: Question): ExplainedCondition {
  const known = question.tenant?.conditions.get(condition.name)
  if (known?.test.changes === undefined || !isWhole(question)) return condition
  const changes = known.test.changes(factsOf(question.tenant, question))
  return changes === undefined ? condition : { ...condition, changes }
}

/** The links that the decision looked at, as people name them. Of the guest's home none: that is not for this tenant to revoke. */
function revocableOf(question: Question, delegation: string | undefined): readonly string[] {
  const { chain, user } = question
  const links: readonly Link[] = [
    ...linksOf(question),
    ...(delegation === undefined ? [] : [link('delegation', delegation)]),
  ]
  return [...new Set(links)].map((each) => {
    const [kind = '', name = ''] = [each.slice(0, each.indexOf(':')), each.slice(each.indexOf(':') + 1)]
    return kind === 'user' && name === chain.user && user ? `user ${user.user}` : `${kind} ${name}`
  })
}

const NOTHING_MORE = { matched: [], nearest: [], errors: [] }

function explainSides(question: Whole, decision: Decision): readonly ExplainedSide[] {
  const judged = decision.explanation.sides
  const tool = toolOf(question, decision)
  if (tool === undefined) return judged.map((side) => ({ ...side, ...NOTHING_MORE }))
  const holding = new Set(
    decision.explanation.conditions.filter(({ state }) => state === 'holds').map(({ name }) => name),
  )
  const frames = sidesOf(question, tool, inputOf(question, tool))
  return judged.map((side) => {
    const frame = frames.find(({ principal }) => principal === side.principal)
    if (frame === undefined || side.principal === 'home') return { ...side, ...NOTHING_MORE }
    return discreet(
      {
        ...side,
        matched: matchesOf(frame, holding, side),
        nearest: side.outcome === 'no_permit' ? nearestPermits(frame, holding, question) : [],
        errors: missesOf(frame, holding, ({ id }) => side.erring.includes(id)),
      },
      question,
    )
  })
}

/** Who owns a guest is its home's to tell: a policy may have compared it, but what it met is not shown. */
function discreet(side: ExplainedSide, { caller }: Whole): ExplainedSide {
  if (!caller.guest) return side
  const cut = <T extends Met>(met: T): T => ({
    ...met,
    says: met.says.replaceAll(JSON.stringify(caller.agent.owner), 'what its home says'),
  })
  return {
    ...side,
    matched: side.matched.map((each) => ({ ...each, clauses: each.clauses.map(cut) })),
    nearest: side.nearest.map(cut),
    errors: side.errors.map(cut),
  }
}

function matchesOf(frame: FrameSide, holding: ReadonlySet<string>, side: Side): readonly MatchedPolicy[] {
  if (side.outcome !== 'permitted' && side.outcome !== 'forbidden') return []
  const request = cedarRequest(frame.frame, frame.uid, holding)
  return frame.candidates
    .filter(({ id }) => side.policies.includes(id))
    .sort(byId)
    .map((policy) => ({
      ...named(policy),
      clauses: explainMatch(policy, request, frame.frame.entities),
    }))
}

function named({ id, filled }: CedarPolicy): Named {
  return filled === undefined ? { policy: id } : { policy: id, template: filled.template }
}

/** For an entry: the tool whose judgement the explanation tells. */
function toolOf({ known, request }: Whole, decision: Decision): Tool | undefined {
  if (request.act.kind !== 'enter') return known.tools.get(request.act.tool)
  const action = decision.outcome === 'deny' ? decision.refusal.facts['action'] : undefined
  return [...known.tools.values()].find((tool) => tool.action === action)
}

function inputOf({ request }: Whole, tool: Tool): Value {
  if (request.act.kind === 'enter') return UNKNOWN
  if (request.act.kind === 'list') return projectKnown(tool.input, request.act.known)
  const projected = projectInput(tool.input, request.act.input)
  return projected.ok ? projected.value : UNKNOWN
}

/**
 * Permits for this kind of principal that came nearest: a clause missed is nearer than the action, and that than the principal. Only those
 * that may be about this resource, and only where the clause names no other.
 */
function nearestPermits(
  side: FrameSide,
  holding: ReadonlySet<string>,
  { tenant, request }: Whole,
): readonly NearestPermit[] {
  const type = side.principal === 'user' ? 'User' : 'Agent'
  const { resource, entities } = side.frame
  const permits = policiesFor(tenant.policies, type).filter(
    ({ effect, scope }) => effect === 'permit' && constraintTest(scope.resource)(resource, entities),
  )
  const missed = missesOf(side, holding, () => true, permits).filter(
    ({ clause }) => !namesAnother(clause, request.resource),
  )
  const near = missed.filter(({ part }) => NEARNESS[part] > NEARNESS.action)
  const about = near.length > 0 ? near : missed.filter(({ part }) => part === 'action')
  return about.sort((a, b) => NEARNESS[b.part] - NEARNESS[a.part]).slice(0, NEAREST)
}

/** Whether Cedar text names a resource, or an action of one, other than this. */
function namesAnother(clause: string, resource: string): boolean {
  const named = [...clause.matchAll(/\b(?:Resource::"([^"/]+)"|Action::"([^"/*]+)\/)/g)]
  return named.some(([, byName, byAction]) => (byName ?? byAction) !== resource)
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
  const told = policies.filter(which).sort(byId)
  return told.flatMap((policy) => {
    const miss = explainPolicy(policy, request, side.frame.entities)
    return miss === undefined ? [] : [{ ...named(policy), ...miss }]
  })
}
