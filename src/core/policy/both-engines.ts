import {
  type CedarPolicy,
  type CedarRequest,
  type Entities,
  type EntityUid,
  entitiesJson,
  entitiesNamed,
  evaluatePolicy,
  fieldsJson,
  type PolicyOutcome,
  printExactJson,
  type ScopeConstraint,
  type Slots,
  uidJson,
} from './cedar/cedar.ts'
import type { FrameSide } from './frame.ts'

/** What a second engine says of one policy, for one request. */
export type Opinion = 'satisfied' | 'unsatisfied' | 'error'

/**
 * A policy as a second engine reads it: Cedar's syntax, or its JSON form. Of a linked policy it gets the template and the values of its
 * slots, so that filling them is not left to one engine either.
 */
export type EnginePolicy = {
  readonly effect: 'permit' | 'forbid'
  readonly source: string
  readonly slots?: Slots
}

export function enginePolicy({ effect, source = '', filled }: CedarPolicy): EnginePolicy {
  return filled === undefined ? { effect, source } : { effect, source, slots: filled.slots }
}

/**
 * One policy and one request, as a second engine reads them. `call` is JSON text with exact integers: principal, action, resource, context,
 * entities. Equal texts and slots are the same question for good.
 */
export type EngineQuestion = EnginePolicy & { readonly policy: string; readonly call: string }

/** What the second engine has said so far. A question that it was never asked has no answer here, and that denies. */
export type Opinions = { get(question: EngineQuestion): Opinion | undefined }
export const NO_OPINIONS: Opinions = { get: () => undefined }

/** Policies of this side that are in quarantine and may concern it, whatever the first engine thinks of their scope. */
export function doubted(side: FrameSide, claimed: boolean): readonly CedarPolicy[] {
  const { quarantine, policies } = side.frame.tenant
  if (quarantine.size === 0) return NONE
  const found: CedarPolicy[] = []
  for (const name of quarantine.keys()) {
    const policy = policies.byName.get(name)
    if (policy && counts(policy, side, claimed) && mayConcern(policy, side)) found.push(policy)
  }
  return found
}
const NONE: readonly CedarPolicy[] = []

/** Of its home a guest takes along what is forbidden; a caller that only claims to be an agent, no permit that doesn't say so. */
function counts({ effect, annotations }: CedarPolicy, { principal }: FrameSide, claimed: boolean): boolean {
  if (effect === 'forbid') return true
  return principal === 'agent' ? !claimed || annotations.get('claimed') === 'yes' : principal === 'user'
}

/** Leaves out only what names somebody, something or a type of them outright: comparing two names is all that is trusted to one engine. */
export function mayConcern({ scope }: CedarPolicy, { uid, frame }: FrameSide): boolean {
  return (
    mayMeet(scope.principal, uid) &&
    mayMeet(scope.action, frame.action) &&
    mayMeet(scope.resource, frame.resource)
  )
}

function mayMeet(constraint: ScopeConstraint, uid: EntityUid): boolean {
  if (constraint.op === '==') return constraint.entity.key === uid.key
  return constraint.op !== 'is' || constraint.type === uid.type
}

/** What both engines make of the doubted policies; `unasked` are the questions without which nothing may be allowed. */
export type Doubts = {
  readonly outcomes: readonly (readonly [CedarPolicy, PolicyOutcome])[]
  readonly unasked: readonly EngineQuestion[]
}
export const NO_DOUBTS: Doubts = { outcomes: [], unasked: [] }

export function byBoth(
  policies: readonly CedarPolicy[],
  request: CedarRequest,
  entities: Entities,
  opinions: Opinions,
): Doubts {
  const outcomes: (readonly [CedarPolicy, PolicyOutcome])[] = []
  const unasked: EngineQuestion[] = []
  for (const policy of policies) {
    const question = questionOf(policy, request, entities)
    const said = opinions.get(question)
    if (said === undefined) unasked.push(question)
    else outcomes.push([policy, agreed(policy, evaluatePolicy(policy, request, entities), said, request)])
  }
  return { outcomes, unasked }
}

/**
 * The stricter of the two. While the input is not known (a tool is listed, a resource entered), the second engine is asked without it, so
 * that its error says nothing: what reads the input is left to the call.
 */
function agreed(
  { effect }: CedarPolicy,
  ours: PolicyOutcome,
  said: Opinion,
  { context }: CedarRequest,
): PolicyOutcome {
  const theirs: PolicyOutcome = said !== 'error' ? said : context.open ? 'unknown' : { error: SECOND_FAILED }
  if (typeof ours === 'object') return ours
  if (typeof theirs === 'object') return theirs
  const [first, second] = effect === 'forbid' ? STRICTEST_FORBID : STRICTEST_PERMIT
  for (const outcome of [first, second]) if (ours === outcome || theirs === outcome) return outcome
  return ours
}
const SECOND_FAILED = {
  kind: 'failure',
  reason: 'entity',
  says: 'the second engine could not judge it',
} as const
const STRICTEST_FORBID = ['satisfied', 'unknown'] as const
const STRICTEST_PERMIT = ['unsatisfied', 'unknown'] as const

export function questionOf(policy: CedarPolicy, request: CedarRequest, entities: Entities): EngineQuestion {
  return { policy: policy.id, ...enginePolicy(policy), call: callText(request, entities, [policy]) }
}

/** The request with all that the policies can look at in it. */
export function callText(
  { principal, action, resource, context }: CedarRequest,
  entities: Entities,
  policies: readonly CedarPolicy[],
): string {
  const named = [principal, action, resource, ...policies.flatMap(entitiesNamed)]
  return printExactJson({
    principal: uidJson(principal),
    action: uidJson(action),
    resource: uidJson(resource),
    context: fieldsJson(context.fields),
    entities: entitiesJson(entities, named, context),
  })
}
