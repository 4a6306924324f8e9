import type { AuditDraft } from '../../core/audit/audit-event.ts'
import { sessionLife } from '../../core/identity/agent.ts'
import { clientLinkName } from '../../core/identity/oauth-client.ts'
import type { Revision, SessionId } from '../../core/ids.ts'
import { type Link, link } from '../../core/lifecycle/revocation.ts'
import type { SessionRow } from '../../core/ports.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import type { EpochSeconds } from '../../core/time.ts'
import { keyDigest, newKey } from '../../lib/random-key.ts'
import { type AuthorityView, requireFresh } from '../authority.ts'
import { type AuthorizationRequest, answerUrl, checkAuthorization } from './authorization.ts'
import { refuseAuthorization, type SignInStep } from './begin-sign-in.ts'
import type { FoundClient } from './find-client.ts'
import { askOf, type KeptQuestion, OTHER_BROWSER, type SignedIn } from './finish-sign-in.ts'
import { keepStep } from './keep-step.ts'

/** Seconds that a code lives (RFC 6749 §4.1.2: at most ten minutes, and shorter is better). */
const CODE_LIFE = 60

/** What one consent gave: the session by which everything that follows from it ends. */
export type Agreement = {
  readonly request: AuthorizationRequest
  readonly signedIn: SignedIn
  readonly session: { readonly id: SessionId; readonly expires: EpochSeconds }
  readonly links: readonly Link[]
  readonly rev: Revision
}

/**
 * A person's answer. Allowed, it begins a session of its own and gives a code that only this client can redeem; the record, the
 * session and then the code, in this order. Throws Unavailable.
 */
export async function answerConsent(
  view: AuthorityView,
  answer: { readonly ticket: string; readonly allowed: boolean },
  browser: string | undefined,
): Promise<Result<SignInStep, Refusal>> {
  requireFresh(view.ports)
  const { kept } = view.ports.signIn
  // Looked at before it is taken: somebody else's browser must not be able to spend it.
  const seen = await kept.look(view.name, 'consent', keyDigest(answer.ticket))
  if (seen === undefined) return err(OVER)
  const question = JSON.parse(seen) as KeptQuestion
  if (browser === undefined || keyDigest(browser) !== question.browser) return err(OTHER_BROWSER)
  if ((await kept.take(view.name, 'consent', keyDigest(answer.ticket))) === undefined) return err(OVER)
  const checked = await checkAuthorization(view, askOf(question.request))
  if (!checked.ok) return refuseAuthorization(view, checked.error, question.request.clientId)
  if (!answer.allowed) return refused(view, question.request)
  const agreement = agreementOf(view, question, checked.value.found)
  await view.ports.store.commit({
    events: [consentEvent(view, agreement, checked.value.found)],
    session: sessionRow(view, agreement, checked.value.found),
  })
  return ok({ to: answerUrl(view, question.request, { code: await giveCode(view, agreement) }) })
}

const OVER = refuse(
  'stale',
  'consent.over',
  'This question was answered before, or waited too long. Start again.',
)
const DENIED = refuse('denied', 'consent.denied', 'The person did not agree.')

function refused(view: AuthorityView, request: AuthorizationRequest): Promise<Result<SignInStep, Refusal>> {
  const { redirectUri, state } = request
  const back = { redirectUri, error: 'access_denied', ...(state === undefined ? {} : { state }) } as const
  return refuseAuthorization(view, { refusal: DENIED, back }, request.clientId)
}

function agreementOf(
  view: AuthorityView,
  { request, signedIn }: KeptQuestion,
  found: FoundClient,
): Agreement {
  const id = view.ports.newId('session') as SessionId
  const expires = (view.now + sessionLife(found.workload.agent)) as EpochSeconds
  const links = [...found.links, ...signedIn.links, link('session', id)]
  return { request, signedIn, session: { id, expires }, links, rev: view.snapshot.revision }
}

function sessionRow(view: AuthorityView, agreement: Agreement, { workload }: FoundClient): SessionRow {
  const { session, links, signedIn } = agreement
  return {
    id: session.id,
    tenant: view.name,
    agent: workload.id,
    user: signedIn.user.id,
    links,
    started: view.at,
    expires: session.expires,
  }
}

function consentEvent(
  view: AuthorityView,
  agreement: Agreement,
  { client, workload, proof }: FoundClient,
): AuditDraft {
  const { request, session, signedIn } = agreement
  return {
    tenant: view.name,
    at: view.at,
    kind: 'session',
    outcome: 'done',
    reason: 'consent.given',
    agent: workload.id,
    session: session.id,
    resource: request.resource.slice(request.resource.lastIndexOf('/') + 1),
    revision: view.snapshot.revision,
    facts: {
      client: clientLinkName(client.id),
      via: client.source,
      proof,
      expires: session.expires,
      ...(request.scope === undefined ? {} : { tools: request.scope.length }),
    },
    personal: { user: signedIn.user.name },
  }
}

async function giveCode(view: AuthorityView, agreement: Agreement): Promise<string> {
  const code = newKey()
  await keepStep(view, { kind: 'code', key: code, doc: agreement, life: CODE_LIFE })
  return code
}
