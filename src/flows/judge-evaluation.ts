import type { AuditDraft } from '../core/audit/audit-event.ts'
import type { PrincipalChain } from '../core/identity/principal-chain.ts'
import type { AgentId, DecisionId, SessionId } from '../core/ids.ts'
import type { AccessRequest } from '../core/policy/access-request.ts'
import type { Decision } from '../core/policy/decision.ts'
import { isSink, raises } from '../core/policy/label.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { type AskedResource, type Evaluation, inputAsked, resourceAsked } from './asked-resource.ts'
import { type Acting, actingIn } from './asked-subject.ts'
import type { AuthorityView } from './authority.ts'
import { callOf, type PresentedCaller } from './present-token.ts'
import { decisionEvent } from './record-decision.ts'

/** An enforcement point that has proven itself, and where it calls from. */
export type Asker = PresentedCaller & { readonly address: string }

/** What is said to one question, and what is recorded of it. `says` is there only for the agent that would act itself. */
export type Verdict = {
  readonly id: DecisionId
  readonly outcome: Decision['outcome']
  readonly reason: string
  readonly says?: string
  readonly event: AuditDraft
}

/** What may not be asked about is answered like what does not exist. */
const NOTHING = refuse('unknown', 'resource.unknown', 'There is nothing here that you may ask about.')

/**
 * One question: may the asker ask it, and what is its answer. The answer is `decide`'s, for the chain that the asker says is acting
 * (decision 0014).
 */
export async function judgeEvaluation(
  view: AuthorityView,
  asker: Asker,
  asked: Evaluation,
): Promise<Verdict> {
  const about = resourceAsked(view.tenant, asked.resource)
  const right = await mayAsk(view, asker, 'evaluate', asked, about)
  const said = factsOf(asker, asked)
  if (right.outcome !== 'allow') {
    const event = {
      ...decisionEvent(view, right),
      facts: { ...said, asked: about.name, action: asked.action.name },
    }
    return { id: right.id, outcome: 'deny', reason: NOTHING.reason, says: NOTHING.says, event }
  }
  const answer = await answerTo(view, asker, asked, about)
  if (answer.refusal) return refusedVerdict(view, asker, asked, about.name, answer.refusal)
  return verdictOf(view, asker, asked, answer.decision)
}

/** Whether this asker may ask this, by the policies on the tenant's own resource `authzen`. */
export async function mayAsk(
  view: AuthorityView,
  asker: Asker,
  how: 'evaluate' | 'search' | 'vouch',
  { action, subject }: Pick<Evaluation, 'action' | 'subject'>,
  { name }: AskedResource,
): Promise<Decision> {
  const input = { resource: name, action: action.name, subject: subject.type }
  return view.ports.decide(callOf(view, asker, how, input, asker.address), view.snapshot, view.at)
}

type Answer =
  | { readonly refusal: Refusal; readonly decision?: never }
  | { readonly decision: Decision; readonly refusal?: never }

/** What is decided for whom the question is about, once it is known that it may be asked. */
export async function answerTo(
  view: AuthorityView,
  asker: Asker,
  asked: Evaluation,
  about: AskedResource,
): Promise<Answer> {
  const acting = actingIn(view, asker.access.chain.agent, asked)
  if (!acting.ok) return { refusal: acting.error }
  const unjudged = labelsUnjudged(about)
  if (unjudged) return { refusal: unjudged }
  const own = acting.value.agent === asker.access.chain.agent
  const request: AccessRequest = {
    id: view.ports.newId('decision') as DecisionId,
    tenant: view.name,
    chain: own ? ownChain(asker, acting.value) : await vouchedChain(view, asker, acting.value, asked, about),
    resource: about.name,
    act: { kind: 'call', tool: asked.action.name, input: inputAsked(about, asked) },
    // Where another agent calls from nobody has told us.
    ...(own ? { address: asker.address } : {}),
  }
  return { decision: await view.ports.decide(request, view.snapshot, view.at) }
}

/** Labels follow sessions. Which session would act is not known here, so neither what it carries nor what it would carry on. */
function labelsUnjudged({ known }: AskedResource): Refusal | undefined {
  if (!known || (!isSink(known.resource) && !raises(known.resource))) return undefined
  const says = `\`${known.resource.resource}\` has labels, and in which session it would be reached is not known here; ask its gateway.`
  return refuse('denied', 'evaluation.labels', says)
}

/** The asker itself acts: by its own proven chain, for the user that it names. What its token was narrowed to is about asking. */
function ownChain({ access }: Asker, { user }: Acting): PrincipalChain {
  const { scope: _scope, user: _user, ...chain } = access.chain
  return user === undefined ? chain : { ...chain, user }
}

/**
 * Another agent acts, the asker says. Nothing proves it to us, so it is `claimed`; where policy lets the asker vouch its word counts
 * like a standing key, and never like an attestation. It is as old as the asker's own credential: what was revoked since has ended.
 */
async function vouchedChain(
  view: AuthorityView,
  asker: Asker,
  acting: Acting,
  asked: Evaluation,
  about: AskedResource,
): Promise<PrincipalChain> {
  const vouched = (await mayAsk(view, asker, 'vouch', asked, about)).outcome === 'allow'
  const { tenant, rev, expires } = asker.access.chain
  return {
    tenant,
    ...acting,
    actors: [acting.agent],
    proof: vouched ? 'enrolled' : 'claimed',
    session: view.ports.newId('session') as SessionId,
    links: [],
    rev,
    expires,
  }
}

function verdictOf(view: AuthorityView, asker: Asker, asked: Evaluation, decision: Decision): Verdict {
  const { id, outcome, reason, request } = decision
  const recorded = decisionEvent(view, decision)
  const personal = { ...recorded.personal, input: objectOf(asked) }
  const event = { ...recorded, personal, facts: factsOf(asker, asked) }
  if (decision.outcome === 'allow') return { id, outcome, reason, event }
  if (reason === NOTHING.reason) return { id, outcome, reason, says: NOTHING.says, event }
  // The sentence tells of who acts and for whom; that is for who acts.
  const own = request.chain.agent === asker.access.chain.agent
  return { id, outcome, reason, ...(own ? { says: decision.refusal.says } : {}), event }
}

/** A question that never came to a decision, because something in it means nothing here. */
export function refusedVerdict(
  view: AuthorityView,
  asker: Asker,
  asked: Evaluation | undefined,
  resource: string,
  { reason, says }: Refusal,
): Verdict {
  const id = view.ports.newId('decision') as DecisionId
  const { agent, session } = asker.access.chain
  const event: AuditDraft = {
    tenant: view.name,
    at: view.at,
    kind: 'decision',
    outcome: 'deny',
    reason,
    decision: id,
    agent,
    session,
    resource,
    revision: view.snapshot.revision,
    ...(asked && {
      tool: asked.action.name,
      personal: { input: objectOf(asked) },
      facts: factsOf(asker, asked),
    }),
  }
  return { id, outcome: 'deny', reason, says, event }
}

/** Who asked about whom. An object's id may be a person's name, so it is recorded like one. */
function factsOf(asker: Asker, { subject }: Pick<Evaluation, 'subject'>) {
  const askedBy: AgentId = asker.access.chain.agent
  return { door: 'authzen', asked_by: askedBy, subject: subject.type }
}

function objectOf({ resource: { type, id } }: Evaluation): string {
  return JSON.stringify({ type, id })
}
