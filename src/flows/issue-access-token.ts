import type { AuditDraft } from '../core/audit/audit-event.ts'
import { type AccessTokenClaims, type ActClaim, TOKEN_TYP } from '../core/identity/access-token.ts'
import { tokenLife } from '../core/identity/agent.ts'
import type { PrincipalChain } from '../core/identity/principal-chain.ts'
import { type AgentId, type DecisionId, type Revision, splitAgentId, type TokenId } from '../core/ids.ts'
import { type Link, link } from '../core/lifecycle/revocation.ts'
import type { AccessRequest } from '../core/policy/access-request.ts'
import type { Allow, Decision } from '../core/policy/decision.ts'
import { resourceUri } from '../core/policy/resource.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { KnownResource } from '../core/snapshot.ts'
import type { EpochSeconds } from '../core/time.ts'
import { signJwt } from '../lib/jose/jwt.ts'
import { type AuthorityView, requireSigner } from './authority.ts'
import { type AgentCaller, admissionOf } from './caller.ts'
import { type OpenedSession, rowFor, sessionOf } from './open-session.ts'
import { lookedAt } from './record-decision.ts'
import type { IssuedToken, TokenTarget, Wire } from './token-ask.ts'
import type { Subject } from './verify-subject.ts'

/** A no after a decision: the event says which, so that the refusal is recorded once and with its decision. */
export type Issued = Result<IssuedToken, { readonly refusal: Refusal; readonly decision?: Decision }>

const MAX_LINKS = 32
const MAX_ACTORS = 8

/**
 * Decides whether this chain may enter the resource, records that, and signs an at+jwt (RFC 9068) for it alone. Nothing in the token is
 * more than its inputs: tools, end and revision only shrink.
 */
export async function issueAccessToken(
  view: AuthorityView,
  caller: AgentCaller,
  subject: Subject,
  target: TokenTarget,
  wire: Wire,
): Promise<Issued> {
  const known = findResource(view, caller, target.resource)
  if (!known) return no(refuse('unknown', 'resource.unknown', 'There is no such resource for this agent.'))
  const session = sessionFor(view, caller, subject)
  const chain = chainFor(view, caller, subject, session)
  const fits = chainFits(view, chain, subject, target)
  if (fits) return no(fits)
  const request: Writable<AccessRequest> = {
    id: view.ports.newId('decision') as DecisionId,
    tenant: view.name,
    chain,
    resource: known.resource.resource,
    act: { kind: 'enter' },
  }
  if (wire.address !== undefined) request.address = wire.address
  const decision = await view.ports.decide(request, view.snapshot, view.at)
  if (decision.outcome !== 'allow') return { ok: false, error: { refusal: decision.refusal, decision } }
  const scope = await narrowed(view, decision, known, subject, target)
  if (!scope.ok) return { ok: false, error: { refusal: scope.error, decision } }
  return mint(view, { caller, subject, target, session, chain, decision, scope: scope.value })
}

function sessionFor(view: AuthorityView, caller: AgentCaller, subject: Subject): OpenedSession {
  if (subject.session !== undefined) return { id: subject.session, expires: subject.expires ?? view.now }
  const user = subject.user === undefined ? {} : { user: subject.user.id }
  return sessionOf(view.name, caller.workload, { ...user, login: subject.login }, view.now)
}

/** The resource with exactly this URI, if the agent's admission reaches it. */
function findResource(view: AuthorityView, caller: AgentCaller, uri: string): KnownResource | undefined {
  const name = uri.slice(uri.lastIndexOf('/') + 1)
  const known = view.tenant.resources.get(name)
  if (!known || resourceUri(view.ports.gatewayOrigin, view.name, known.resource) !== uri) return undefined
  if (splitAgentId(caller.workload.id).home === view.name) return known
  const admission = admissionOf(view.tenant, caller.workload.id, view.now)
  const reaches = admission && (admission.resources === undefined || admission.resources.includes(name))
  return reaches ? known : undefined
}

function chainFor(
  view: AuthorityView,
  caller: AgentCaller,
  subject: Subject,
  session: OpenedSession,
): PrincipalChain {
  const { id } = caller.workload
  const before = subject.actors
  const own = link('session', session.id)
  const implied = link('tenant', view.name)
  const links = [...new Set<Link>([...caller.links, ...subject.links, own])].filter(
    (each) => each !== implied,
  )
  const chain: Writable<PrincipalChain> = {
    tenant: view.name,
    agent: id,
    actors: before.at(-1) === id ? before : [...before, id],
    proof: caller.proof,
    session: session.id,
    links,
    rev: Math.min(caller.rev, subject.rev ?? caller.rev, view.snapshot.revision) as Revision,
    expires: endOf(view, caller, subject, session),
  }
  if (subject.user !== undefined) chain.user = subject.user.id
  if (subject.scope !== undefined) chain.scope = subject.scope
  if (caller.jkt !== undefined) chain.jkt = caller.jkt
  return chain
}

/** While it is made. A literal with spreads costs ten times as much, and gives each object a shape of its own. */
type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** Never past what it derives from, nor past the agent's own limit. */
function endOf(
  view: AuthorityView,
  caller: AgentCaller,
  subject: Subject,
  session: OpenedSession,
): EpochSeconds {
  const until = admissionOf(view.tenant, caller.workload.id, view.now)?.until
  const ends = [view.now + tokenLife(caller.workload.agent), caller.expires, session.expires]
  if (subject.expires !== undefined) ends.push(subject.expires)
  if (until !== undefined) ends.push(Math.floor(Date.parse(until) / 1000))
  return Math.min(...ends) as EpochSeconds
}

function chainFits(
  view: AuthorityView,
  chain: PrincipalChain,
  subject: Subject,
  target: TokenTarget,
): Refusal | undefined {
  if (chain.links.length >= MAX_LINKS || chain.actors.length > MAX_ACTORS) {
    return refuse(
      'denied',
      'chain.too_long',
      `A chain has at most ${MAX_ACTORS} agents and ${MAX_LINKS} links.`,
    )
  }
  if (chain.expires <= view.now)
    return refuse('stale', 'subject.expired', 'What the token would derive from has ended.')
  // A token narrowed to tools names tools of one resource; they mean nothing at another.
  const elsewhere = subject.audience !== undefined && subject.audience !== target.resource
  if (elsewhere && subject.scope)
    return refuse(
      'denied',
      'scope.other_resource',
      'The subject token is narrowed to tools of another resource.',
    )
  return undefined
}

/** RFC 6749 §3.3: the tools asked for that exist, that the subject token had, and that are not certainly refused. */
async function narrowed(
  view: AuthorityView,
  enter: Allow,
  known: KnownResource,
  subject: Subject,
  target: TokenTarget,
): Promise<Result<readonly string[] | undefined, Refusal>> {
  const asked = target.scope ?? subject.scope
  if (asked === undefined) return ok(undefined)
  const names = new Map<string, string>()
  for (const { action, name } of known.tools.values()) if (asked.includes(action)) names.set(action, name)
  if (asked.some((action) => !names.has(action)))
    return err(refuse('denied', 'scope.unknown', 'A scope is not a tool of this resource.'))
  // What the subject token was narrowed to is in the chain, and judged with it.
  const permitted: string[] = []
  for (const action of asked) {
    const act = { kind: 'list', tool: names.get(action) ?? '' } as const
    const listed = await view.ports.decide({ ...enter.request, act }, view.snapshot, view.at)
    if (listed.outcome !== 'deny') permitted.push(action)
  }
  return permitted.length > 0
    ? ok(permitted)
    : err(refuse('denied', 'scope.none_permitted', 'None of the tools asked for is permitted.'))
}

type Minting = {
  readonly caller: AgentCaller
  readonly subject: Subject
  readonly target: TokenTarget
  readonly session: OpenedSession
  readonly chain: PrincipalChain
  readonly decision: Allow
  readonly scope: readonly string[] | undefined
}

async function mint(view: AuthorityView, minting: Minting): Promise<Issued> {
  const { session, chain, scope, subject } = minting
  const signer = requireSigner(view)
  const jti = view.ports.newId('token') as TokenId
  const { agent: caller, links, user } = chain
  const opening = { session, caller, links }
  const row = rowFor(view, user === undefined ? opening : { ...opening, user })
  // The record comes first: a token that nobody wrote down must not exist (ARCHITECTURE §2.4).
  await view.ports.store.commit({
    events: [issueEvent(view, minting, jti)],
    ...(row && subject.session === undefined ? { session: row } : {}),
  })
  view.ports.memory.sessions.set(session.id, true)
  const token = signJwt(claimsOf(view, minting, jti), {
    key: signer.key,
    kid: signer.kid,
    typ: TOKEN_TYP.access,
  })
  const issued = { token, issuedType: 'access_token', expiresIn: chain.expires - view.now } as const
  const tokenType = chain.jkt === undefined ? 'Bearer' : 'DPoP'
  return ok(scope ? { ...issued, tokenType, scope } : { ...issued, tokenType })
}

function issueEvent(view: AuthorityView, minting: Minting, jti: TokenId): AuditDraft {
  const { chain, decision, subject, target } = minting
  const { policies, conditions } = lookedAt(decision.explanation)
  const { proof, expires } = chain
  const event: Writable<AuditDraft> = {
    tenant: view.name,
    at: view.at,
    kind: 'issue',
    outcome: 'allow',
    reason: decision.reason,
    decision: decision.id,
    agent: chain.agent,
    session: chain.session,
    resource: decision.request.resource,
    revision: view.snapshot.revision,
    token: jti,
    bearer: chain.jkt === undefined,
    policies,
    conditions,
    facts: target.singleUse ? { proof, expires, once: true } : { proof, expires },
  }
  if (subject.user !== undefined) event.personal = { user: subject.user.name }
  return event
}

/** What is undefined is not written. Not left out by spreading: that costs more than signing's share of the whole. */
function claimsOf(view: AuthorityView, minting: Minting, jti: TokenId): AccessTokenClaims {
  const { caller, subject, target, chain, decision, scope } = minting
  const { delegation } = decision.explanation
  const links = [...chain.links, link('resource', decision.request.resource)]
  const sub = chain.user ?? subject.sub ?? chain.agent
  const act = sub === chain.agent ? undefined : actOf(view, chain.actors, sub)
  return {
    iss: view.issuer,
    sub,
    aud: target.resource,
    client_id: chain.agent,
    scope: scope?.join(' '),
    iat: view.now,
    exp: chain.expires,
    jti,
    sid: chain.session,
    rev: chain.rev,
    lin:
      delegation === undefined || links.length >= MAX_LINKS
        ? links
        : [...links, link('delegation', delegation)],
    chn: [...chain.actors],
    prf: caller.proof,
    act,
    cnf: chain.jkt === undefined ? undefined : { jkt: chain.jkt },
    once: target.singleUse ? true : undefined,
  }
}

/** RFC 8693 §4.1: who acts now outermost, who acted before inside. For reading; our own record is `chn`. */
function actOf(view: AuthorityView, actors: readonly AgentId[], sub: string): ActClaim | undefined {
  let act: ActClaim | undefined
  for (const actor of actors) {
    if (actor === sub) continue
    const iss = `${view.ports.origin}/t/${splitAgentId(actor).home}`
    act = act ? { iss, sub: actor, act } : { iss, sub: actor }
  }
  return act
}

function no(refusal: Refusal): Issued {
  return { ok: false, error: { refusal } }
}
