import type { AuditDraft } from '../core/audit/audit-event.ts'
import { clientLinkName } from '../core/identity/oauth-client.ts'
import { type AgentId, splitAgentId } from '../core/ids.ts'
import type { Decision } from '../core/policy/decision.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { authenticateClient, readAgentToken } from './authenticate-client.ts'
import { type AuthorityView, requireFresh } from './authority.ts'
import type { Caller } from './caller.ts'
import { type Issued, issueAccessToken } from './issue-access-token.ts'
import { issueAgentToken } from './issue-agent-token.ts'
import { decisionEvent } from './record-decision.ts'
import { redeemIdJag } from './redeem-id-jag.ts'
import { registerUser } from './register-user.ts'
import { redeemCode } from './sign-in/redeem-code.ts'
import { renewSession } from './sign-in/renew-session.ts'
import type { IssuedToken, TokenAsk, Wire } from './token-ask.ts'
import { tenantStands } from './verify-access-token.ts'
import { NOBODY, type Subject, verifySubject } from './verify-subject.ts'

/** What is known of a request when it is refused: for its record. */
type Seen = { agent?: string; user?: string }
type Onward = Extract<TokenAsk, { readonly grant: 'client_credentials' | 'workload' | 'exchange' }>

/**
 * The token endpoint's one flow: evidence, client credentials or token exchange in, one narrow token out. Throws Unavailable when the
 * registry is stale or the record can't be written. A no that was a decision or a failed proof is recorded before it is returned.
 */
export async function exchangeToken(
  view: AuthorityView,
  ask: TokenAsk,
  wire: Wire,
): Promise<Result<IssuedToken, Refusal>> {
  requireFresh(view.ports)
  const seen: Seen = {}
  const fallen = tenantStands(view.tenant)
  const issued = fallen
    ? { ok: false as const, error: { refusal: fallen } }
    : await answer(view, ask, wire, seen)
  if (issued.ok) return issued
  await recordRefusal(view, ask, seen, issued.error)
  return err(issued.error.refusal)
}

async function answer(view: AuthorityView, ask: TokenAsk, wire: Wire, seen: Seen): Promise<Issued> {
  if (ask.grant === 'attest') return flat(await issueAgentToken(view, ask, wire))
  if (ask.grant === 'authorization_code') return redeemCode(view, ask, wire, seen)
  if (ask.grant === 'refresh_token') return renewSession(view, ask, wire, seen)
  if (ask.grant === 'id-jag') return redeemIdJag(view, ask, wire, seen)
  const caller = await authenticateClient(view, ask.client, wire)
  if (!caller.ok) return flat(caller)
  seen.agent = caller.value.workload.id
  const subject = await subjectOf(view, ask, caller.value)
  if (!subject.ok) return flat(subject)
  if (subject.value.user) seen.user = subject.value.user.name
  const { fresh } = subject.value
  const known = fresh ? await registerUser(view, fresh.idp, fresh.claims) : view
  return issueAccessToken(known, caller.value, subject.value, ask.target, wire)
}

function subjectOf(
  view: AuthorityView,
  ask: Onward,
  caller: Caller,
): Result<Subject, Refusal> | Promise<Result<Subject, Refusal>> {
  if (ask.grant !== 'exchange') return ok(NOBODY)
  if (ask.actor !== undefined && !isActor(view, ask.actor, ask.client.assertion, caller)) {
    return err(
      refuse('unauthenticated', 'actor.other', 'The actor token is of another agent than the one that asks.'),
    )
  }
  return verifySubject(view, ask.subject, caller)
}

/** RFC 8693 §2.1: an actor token may only say again who asks; another's would let one agent borrow the other's name. */
function isActor(view: AuthorityView, actor: string, assertion: string, caller: Caller): boolean {
  if (actor === assertion) return true
  const claims = readAgentToken(view, actor)
  if (!claims.ok || caller.workload.kind !== 'agent') return false
  const { iss, sub, cnf } = claims.value
  // The home that signed is the only one that can speak for its agents.
  const home = `${view.ports.origin}/t/${splitAgentId(caller.workload.id).home}`
  return iss === home && sub === caller.workload.id && cnf.jkt === caller.jkt
}

async function recordRefusal(
  view: AuthorityView,
  ask: TokenAsk,
  seen: Seen,
  { refusal, decision }: { readonly refusal: Refusal; readonly decision?: Decision },
): Promise<void> {
  const agent = seen.agent === undefined ? {} : { agent: seen.agent as AgentId }
  const who = { ...agent, ...(seen.user === undefined ? {} : { personal: { user: seen.user } }) }
  const outcome = refusal.refused === 'ask' ? 'ask' : 'deny'
  const said = { outcome, reason: refusal.reason, facts: { grant: ask.grant, ...aboutOf(ask) } } as const
  const kind = ask.grant === 'attest' ? 'attest' : 'issue'
  const plain = { tenant: view.name, at: view.at, kind, revision: view.snapshot.revision } as const
  // A decision is recorded with the policies and conditions it looked at; what came before one has only its reason.
  const event: AuditDraft = { ...(decision ? decisionEvent(view, decision) : plain), ...who, ...said }
  await view.ports.store.commit({ events: [event] })
}

/** What was asked for, as it was said. */
function aboutOf(ask: TokenAsk): Readonly<Record<string, string>> {
  switch (ask.grant) {
    case 'attest':
      return { audience: ask.audience.slice(0, 200) }
    case 'authorization_code':
    case 'refresh_token':
      return { client: clientLinkName(ask.clientId) }
    case 'id-jag':
      return ask.resource === undefined ? {} : { resource: ask.resource.slice(0, 200) }
    case 'client_credentials':
    case 'workload':
    case 'exchange':
      return { resource: ask.target.resource.slice(0, 200) }
  }
}

function flat(result: Result<IssuedToken, Refusal> | Result<never, Refusal>): Issued {
  return result.ok ? result : { ok: false, error: { refusal: result.error } }
}
