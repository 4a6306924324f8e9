import { type Refusal, refuse } from '../refusal.ts'
import { type CedarPolicy, evaluatePolicy, explainPolicy, type RecordValue, show } from './cedar/cedar.ts'
import type { Side } from './decision.ts'
import { cedarRequest, type FrameSide, type NamedResult } from './frame.ts'
import { byId } from './policy-index.ts'
import { nameOf, type Whole } from './question.ts'

/**
 * A missing or stale fact denies however a policy uses the condition, so that a negated one can't fail open (ARCHITECTURE §4).
 * Of an agent's home only that it can't be judged is told.
 */
export function conditionRefusal(results: readonly NamedResult[], elsewhere: boolean): Refusal | undefined {
  const lacking = results.find(({ state }) => state === 'missing' || state === 'stale')
  if (lacking === undefined) return undefined
  const reason = lacking.state === 'stale' ? 'condition.stale' : 'condition.missing'
  if (elsewhere) return refuse('denied', reason, "A condition that the agent's home sets has no fresh fact.")
  const says = `\`${lacking.name}\` has no fresh fact: ${lacking.fact}.`
  return refuse('denied', reason, says, { condition: lacking.name, fact: lacking.fact })
}

/** Why a side refuses, in a sentence; nothing when it doesn't. Never a policy's text, nor its name. */
export function sideRefusal(
  side: FrameSide,
  judged: Side,
  conditions: readonly NamedResult[],
  question: Whole,
  context: RecordValue,
): Refusal | undefined {
  switch (judged.outcome) {
    case 'permitted':
    case 'depends':
      return undefined
    case 'forbidden': {
      const whose = side.principal === 'home' ? " of the agent's home" : ''
      return refuse('denied', 'policy.forbidden', `A policy${whose} forbids ${tried(question, side)}.`, {
        policies: judged.policies,
      })
    }
    case 'error': {
      const says = `A policy could not be judged for ${tried(question, side)}, so it is refused; who writes the policies can see why.`
      return refuse('denied', 'policy.error', says, { policies: judged.erring })
    }
    case 'quarantined': {
      const says = `A policy for ${tried(question, side)} is in quarantine, and the second engine has not said yes; who looks after the policies can lift that.`
      return refuse('denied', 'policy.quarantined', says, { policies: judged.policies })
    }
    case 'no_permit':
      return noPermit(side, conditions, question, context)
  }
}

function noPermit(
  side: FrameSide,
  conditions: readonly NamedResult[],
  question: Whole,
  context: RecordValue,
): Refusal {
  const failing = onlyConditionsFail(side, conditions)
  if (failing.length > 0) {
    const says = failing.map(({ name, fact }) => `\`${name}\` is false; ${fact}`).join(', and ')
    return refuse('denied', 'condition.false', `Not allowed: ${says}.`, {
      conditions: failing.map(({ name }) => name),
      facts: failing.map(({ fact }) => fact),
    })
  }
  const facts = { action: side.frame.action.id }
  if (side.uncovered.length > 0) {
    const says = `Nothing proves that the caller is \`${nameOf(question.caller)}\`, and no permit covers an agent that only claims to be one.`
    return refuse('denied', 'agent.only_claimed', says, facts)
  }
  const reason = side.principal === 'user' ? 'user.no_permit' : 'agent.no_permit'
  const only = argumentPermitted(side, context)
  if (only !== undefined) {
    const whom = side.principal === 'user' ? `for ${question.user?.user}, ` : ''
    const says = `Not allowed: ${whom}\`${nameOf(question.caller)}\` may use \`${side.frame.action.id}\` with ${only} only.`
    return refuse('denied', reason, says, facts)
  }
  const as = side.candidates.some(({ effect }) => effect === 'permit') ? ' as it was asked' : ''
  return refuse('denied', reason, `There is no permit for ${tried(question, side)}${as}.`, facts)
}

/** `orders/get_order by support for ana@a.example`. */
function tried(question: Whole, side: FrameSide): string {
  const { user, request, caller } = question
  const act = request.act.kind === 'enter' ? request.resource : `${request.resource}/${request.act.tool}`
  const whom = side.principal === 'user' && user !== undefined ? `${user.user} through ` : ''
  return `${whom}\`${nameOf(caller)}\` to use \`${act}\``
}

/** The conditions that alone stand between this side and a permit. */
function onlyConditionsFail(side: FrameSide, conditions: readonly NamedResult[]): readonly NamedResult[] {
  const failing = conditions.filter(({ state }) => state === 'fails')
  if (failing.length === 0) return []
  const request = cedarRequest(side.frame, side.uid, new Set(conditions.map(({ name }) => name)))
  const missed = permitsOf(side).find((policy) => {
    const outcome = evaluatePolicy(policy, request, side.frame.entities)
    return outcome === 'satisfied' || outcome === 'unknown'
  })
  return missed === undefined ? [] : failing.filter(({ name }) => missed.conditions.names.has(name))
}

const INPUT_IS_OWN =
  /^(?:context\.input\.([A-Za-z_]\w*) == principal\.(\w+)|principal\.(\w+) == context\.input\.([A-Za-z_]\w*))$/

/** `customer_id "c-42"`, where a permit only asks that an argument be the caller's own attribute, which is the caller's to know. */
function argumentPermitted(side: FrameSide, context: RecordValue): string | undefined {
  const { action, resource } = side.frame
  const request = { principal: side.uid, action, resource, context }
  for (const policy of permitsOf(side)) {
    const miss = explainPolicy(policy, request, side.frame.entities)
    const found = miss?.part === 'when' ? INPUT_IS_OWN.exec(miss.clause) : null
    const attribute = found?.[2] ?? found?.[3]
    const own = attribute && side.frame.entities.get(side.uid.key)?.attrs.get(attribute)
    if (own) return `${found?.[1] ?? found?.[4]} ${show(own)}`
  }
  return undefined
}

function permitsOf(side: FrameSide): readonly CedarPolicy[] {
  return side.candidates.filter(({ effect }) => effect === 'permit').sort(byId)
}
