import type { RefusalFacts } from '../refusal.ts'
import type { AccessRequest } from './access-request.ts'
import type { Decision } from './decision.ts'
import type { ExplainedSide } from './explain.ts'

/** What would have to be different for it to be allowed, for people who write the tenant's documents; one sentence a line. */
export function adviceFor(
  decision: Decision,
  sides: readonly ExplainedSide[],
  agent: string,
  user: string | undefined,
): readonly string[] {
  if (decision.outcome === 'allow') return []
  if (decision.outcome === 'ask') return ['A person must approve this very call.']
  switch (decision.reason) {
    case 'user.no_permit':
      return [`To allow it, ${user ?? 'the user'} needs a permit for it.${nothingMissing('agent', sides)}`]
    case 'agent.no_permit':
      return [`To allow it, ${agent} needs a permit for it.${nothingMissing('user', sides)}`]
    case 'policy.forbidden':
      return [forbidden(sides)]
    case 'condition.missing':
    case 'condition.stale':
      return ['A missing or stale fact denies however a policy uses it: it has to be known, and fresh.']
    case 'condition.false':
      return [onceTheyHold(decision.refusal.facts)]
    case 'policy.error':
      return ['A policy that can not be judged denies. Mend it, or give what it reads.']
    case 'delegation.missing':
      return [decision.refusal.says, delegationFor(decision.request, agent, user)]
    case 'chain.revoked':
      return revoked(decision.refusal.facts, decision.request)
    default:
      return [decision.refusal.says]
  }
}

function onceTheyHold({ conditions }: RefusalFacts): string {
  const names = Array.isArray(conditions) ? conditions.map((name) => `\`${name}\``) : []
  return `It is allowed once ${names.join(' and ')} ${names.length === 1 ? 'holds' : 'hold'}.`
}

/** As it would be written in the tenant's folder. */
function delegationFor({ resource, act }: AccessRequest, agent: string, user: string | undefined): string {
  const tool = act.kind === 'enter' ? `${resource}/*` : `${resource}/${act.tool}`
  return `As a document: { delegation: <name>, agent: ${agent}, user: ${user ?? '"*"'}, tools: ["${tool}"] }`
}

/** Why is told of what was revoked here; what ended at a guest's home is not this tenant's to know or to lift. */
function revoked({ link, why }: RefusalFacts, { tenant }: AccessRequest): readonly string[] {
  if (typeof link !== 'string' || typeof why !== 'string')
    return ["It was revoked at the agent's home, which alone can lift it."]
  const [kind, name] = [link.slice(0, link.indexOf(':')), link.slice(link.indexOf(':') + 1)]
  return [
    `${kind} ${name} was revoked: ${why}`,
    `If that is resolved: countersign restore ${kind} ${name} --tenant ${tenant} --reason <text>`,
  ]
}

function nothingMissing(principal: 'agent' | 'user', sides: readonly ExplainedSide[]): string {
  const fine = sides.some((side) => side.principal === principal && side.outcome === 'permitted')
  return fine ? ` Nothing about the ${principal} is missing.` : ''
}

function forbidden(sides: readonly ExplainedSide[]): string {
  const here = sides.filter(({ principal }) => principal !== 'home').flatMap(({ matched }) => matched)
  if (here.length === 0) return "Only the agent's home can lift what it forbids."
  const conditional = here.every(({ clauses }) => clauses.length > 0)
  return conditional
    ? 'No permit outweighs a forbid: what it found must be otherwise, or the forbid be written more narrowly.'
    : 'No permit outweighs a forbid: it must be taken away, or be written more narrowly.'
}
