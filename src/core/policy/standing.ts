import { type AgentId, splitAgentId } from '../ids.ts'
import { endedBy, type Link, type LinkKind, link } from '../lifecycle/revocation.ts'
import { type Refusal, refuse } from '../refusal.ts'
import { NO_TENANT_DOCUMENT } from '../snapshot.ts'
import { isAbove, isSink } from './label.ts'
import { type Actor, nameOf, type Question } from './question.ts'
import { carriedLabel, sessionsOf } from './session-label.ts'

/** One line of the table that every question passes: why not, or nothing. */
export type Step = (question: Question) => Refusal | undefined

/** Who asks, where and with what: everything but policy. In this order, so that the first reason is the one to act on. */
export const STANDING: readonly Step[] = [
  tenantIsKnown,
  tenantStands,
  chainIsOfTenant,
  chainEndsWithCaller,
  chainHasNotExpired,
  agentsAreKnown,
  agentsAreActive,
  resourceIsKnown,
  admissionsCoverIt,
  userIsActive,
  nothingIsRevoked,
  resourceTakesCaller,
  dataIsBound,
  labelsMayFlow,
]

function tenantIsKnown({ tenant, request }: Question): Refusal | undefined {
  if (tenant !== undefined && tenant.broken !== NO_TENANT_DOCUMENT) return undefined
  return refuse('unknown', 'tenant.unknown', `There is no tenant \`${request.tenant}\`.`)
}

function tenantStands({ tenant }: Question): Refusal | undefined {
  if (tenant?.broken !== undefined) {
    const says = 'Something stored for this tenant can not be used; its operator must repair it.'
    return refuse('denied', 'tenant.broken', says)
  }
  return tenant?.tenant.state === 'active'
    ? undefined
    : refuse('denied', 'tenant.suspended', 'This tenant is suspended.')
}

function chainIsOfTenant({ chain, request }: Question): Refusal | undefined {
  if (chain.tenant === request.tenant) return undefined
  return refuse('unauthenticated', 'chain.other_tenant', 'The credential was not issued for this tenant.')
}

function chainEndsWithCaller({ chain }: Question): Refusal | undefined {
  if (chain.actors.at(-1) === chain.agent) return undefined
  return refuse(
    'unauthenticated',
    'chain.malformed',
    'The lineage of the credential does not end with its caller.',
  )
}

function chainHasNotExpired({ chain, now }: Question): Refusal | undefined {
  if (now < chain.expires * 1000) return undefined
  return refuse('stale', 'chain.expired', 'The credential has expired; ask for a new one.')
}

function agentsAreKnown({ actors }: Question): Refusal | undefined {
  return first(actors, (each) => {
    if (each.guest && each.admission === undefined)
      return refuse(
        'denied',
        'agent.not_admitted',
        `Agent \`${nameOf(each)}\` is not admitted to this tenant.`,
      )
    return each.agent === undefined
      ? refuse('denied', 'agent.unknown', `Agent \`${nameOf(each)}\` is not registered.`)
      : undefined
  })
}

function agentsAreActive({ actors }: Question): Refusal | undefined {
  return first(actors, (each) => {
    const name = nameOf(each)
    if (each.home?.broken !== undefined || each.home?.tenant.state !== 'active')
      return refuse('denied', 'agent.home_suspended', `The home of agent \`${name}\` is suspended.`)
    const state = each.agent?.state
    if (state === 'active') return undefined
    return state === 'suspended'
      ? refuse('denied', 'agent.suspended', `Agent \`${name}\` is suspended; its owner can say why.`)
      : refuse('denied', 'agent.retired', `Agent \`${name}\` is retired and can not come back.`)
  })
}

function resourceIsKnown({ known, request }: Question): Refusal | undefined {
  if (known !== undefined) return undefined
  return refuse('unknown', 'resource.unknown', `There is no resource \`${request.resource}\`.`)
}

function admissionsCoverIt({ actors, request, now }: Question): Refusal | undefined {
  return first(actors, ({ admission, ...each }) => {
    if (admission === undefined) return undefined
    const name = nameOf(each)
    if (admission.until !== undefined && now >= Date.parse(admission.until))
      return refuse(
        'denied',
        'admission.ended',
        `The admission of agent \`${name}\` ended at ${admission.until}.`,
      )
    if (admission.resources?.includes(request.resource) ?? true) return undefined
    const says = `Agent \`${name}\` is admitted to other resources than \`${request.resource}\`.`
    return refuse('denied', 'admission.resource', says)
  })
}

function userIsActive({ chain, user }: Question): Refusal | undefined {
  if (chain.user === undefined) return undefined
  if (user === undefined)
    return refuse('denied', 'user.unknown', 'The user is not (or no longer) known in this tenant.')
  return user.state === 'active'
    ? undefined
    : refuse('denied', 'user.suspended', `User \`${user.user}\` is suspended.`)
}

function nothingIsRevoked(question: Question): Refusal | undefined {
  const { chain, tenant } = question
  // Nearly always nothing was, and then no list need be made.
  const some = tenant !== undefined && tenant.revocations.size > 0
  const ended = some ? endedBy(linksOf(question), chain.rev, tenant.revocations) : undefined
  if (ended) return revoked(ended.link, { why: ended.revoked.reason })
  return first(question.actors, (each) => {
    // Links are names inside their tenant, so a guest's home is asked only about what is its own.
    const atHome =
      each.guest && each.home && endedBy(homeLinks(question, each), chain.rev, each.home.revocations)
    return atHome ? revoked(atHome.link, {}) : undefined
  })
}

function revoked(ended: Link, facts: { readonly why?: string }): Refusal {
  const what = ended.slice(0, ended.indexOf(':'))
  const says = `What the credential stands on was revoked (${what}); sign in or ask again once that is resolved.`
  return refuse('stale', 'chain.revoked', says, { link: ended, ...facts })
}

/** Everything whose end ends this chain: what the token says it derives from, and what the question itself names. */
export function linksOf({ chain, request, actors }: Question): readonly Link[] {
  const links: Link[] = [...chain.links, link('tenant', request.tenant), link('resource', request.resource)]
  for (const each of actors) {
    links.push(link('agent', each.id))
    if (each.guest) links.push(link('admission', each.id))
  }
  if (chain.user !== undefined) links.push(link('user', chain.user))
  if (chain.jkt !== undefined) links.push(link('key', chain.jkt))
  links.push(link('session', chain.session))
  return links
}

const OF_HOME: ReadonlySet<LinkKind> = new Set(['key', 'token', 'trust'])

function homeLinks({ chain }: Question, { id }: Actor): readonly Link[] {
  const carried = chain.links.filter((each) => OF_HOME.has(each.slice(0, each.indexOf(':')) as LinkKind))
  const key = chain.jkt === undefined ? [] : [link('key', chain.jkt)]
  return [...carried, ...key, link('agent', id), link('tenant', homeOf(id))]
}

function homeOf(id: AgentId): string {
  return splitAgentId(id).home
}

function resourceTakesCaller({ chain, known, request }: Question): Refusal | undefined {
  if (chain.user !== undefined || known?.resource.alone === true) return undefined
  const says = `\`${request.resource}\` answers only an agent that acts for a signed-in user.`
  return refuse('denied', 'user.required', says)
}

/** Outsiders talk to customer agents: what isn't bound to the user could be anybody's (ARCHITECTURE §4). */
function dataIsBound({ chain, caller, known, request }: Question): Refusal | undefined {
  if (chain.user === undefined || caller.agent?.kind !== 'customer') return undefined
  if (known?.resource.data !== 'none') return undefined
  const says = `The data of \`${request.resource}\` is not bound to a user, so a customer agent may not act for one there.`
  return refuse('denied', 'resource.unbound', says)
}

/** What the session has read may not flow to a lower place (ARCHITECTURE §4). A resource that takes everything costs no look. */
function labelsMayFlow({ chain, known, tenant, request }: Question): Refusal | undefined {
  if (known === undefined || tenant === undefined || !isSink(known.resource)) return undefined
  const { clearance } = known.resource
  const label = carriedLabel(tenant.sessionLabels, sessionsOf(chain))
  if (!isAbove(label, clearance)) return undefined
  const says = `This session has reached \`${label}\` data, and what flows to \`${request.resource}\` may be \`${clearance}\` at most; do that in a session that has not, or have the owner of \`${request.resource}\` raise its clearance.`
  return refuse('denied', 'label.flow', says, { label, clearance })
}

function first<T>(items: readonly T[], check: (item: T) => Refusal | undefined): Refusal | undefined {
  for (const item of items) {
    const refusal = check(item)
    if (refusal) return refusal
  }
  return undefined
}
