import type { UserId } from '../../core/ids.ts'
import type { Link } from '../../core/lifecycle/revocation.ts'
import type { Tool } from '../../core/policy/tool.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import type { KnownResource } from '../../core/snapshot.ts'
import type { EpochSeconds } from '../../core/time.ts'
import { keyDigest, newKey } from '../../lib/random-key.ts'
import { type AuthorityView, requireFresh } from '../authority.ts'
import { previewAccess } from '../preview-access.ts'
import { registerUser } from '../register-user.ts'
import { type VerifiedUser, verifySignIn } from '../verify-user-token.ts'
import { type AuthorizationRequest, checkAuthorization } from './authorization.ts'
import {
  type KeptSignIn,
  refuseAuthorization,
  relyingParty,
  type SignInStep,
  STEP_LIFE,
} from './begin-sign-in.ts'
import type { FoundClient } from './find-client.ts'
import { keepStep } from './keep-step.ts'

/** Who signed in, as it is kept until they have agreed. */
export type SignedIn = {
  readonly user: { readonly id: UserId; readonly name: string }
  readonly links: readonly Link[]
}

/** What waits for the person's answer. */
export type KeptQuestion = {
  readonly request: AuthorizationRequest
  readonly signedIn: SignedIn
  readonly browser: string
}

/** What a person is asked: everything that the page shows. */
export type AgreementQuestion = {
  /** Sent back with the answer; good for one. */
  readonly ticket: string
  readonly found: FoundClient
  readonly request: AuthorizationRequest
  readonly user: string
  readonly known: KnownResource
  readonly tools: readonly Tool[]
}

export type SignInEnd = { readonly ask: AgreementQuestion } | { readonly step: SignInStep }

/**
 * A person is back from the identity provider: verified, shown to policy, and asked. Whoever may not reach the resource through this
 * agent is told so before being asked anything. Throws Unavailable.
 */
export async function finishSignIn(
  view: AuthorityView,
  query: ReadonlyMap<string, string>,
  browser: string | undefined,
  signal: AbortSignal,
): Promise<Result<SignInEnd, Refusal>> {
  requireFresh(view.ports)
  const kept = await takeSignIn(view, query.get('state'), browser)
  if (!kept.ok) return kept
  const { request } = kept.value
  const signed = await signIn(view, kept.value, query, signal)
  if (!signed.ok) return refuseBack(view, request, signed.error)
  return askConsent(signed.value.view, request, signed.value.user, kept.value.browser)
}

/** One sign-in is finished once, and by the browser that began it: else a person could be signed in to somebody else's request. */
async function takeSignIn(
  view: AuthorityView,
  state: string | undefined,
  browser: string | undefined,
): Promise<Result<KeptSignIn, Refusal>> {
  const doc =
    state === undefined
      ? undefined
      : await view.ports.signIn.kept.take(view.name, 'sign-in', keyDigest(state))
  if (doc === undefined) return err(OVER)
  const kept = JSON.parse(doc) as KeptSignIn
  return browser !== undefined && keyDigest(browser) === kept.browser ? ok(kept) : err(OTHER_BROWSER)
}

const OVER = refuse(
  'stale',
  'sign_in.over',
  'This sign-in was finished before, or took too long. Start again.',
)
export const OTHER_BROWSER = refuse(
  'unauthenticated',
  'sign_in.other_browser',
  'This sign-in was begun in another browser. Start again in this one.',
)

type Signed = { readonly view: AuthorityView; readonly user: VerifiedUser }

async function signIn(
  view: AuthorityView,
  { idp: name, keys }: KeptSignIn,
  query: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<Result<Signed, Refusal>> {
  const idp = view.tenant.idps.get(name)
  if (!idp?.sign_in) return err(OVER)
  const token = await view.ports.signIn.openId.finish(relyingParty(view, idp), keys, query, signal)
  if (!token.ok)
    return err(refuse(token.error.refused, token.error.reason, token.error.says, token.error.facts))
  const user = await verifySignIn(view, token.value, { client: idp.sign_in.client, nonce: keys.nonce })
  if (!user.ok) return user
  const { fresh } = user.value
  return ok({ user: user.value, view: fresh ? await registerUser(view, fresh.idp, fresh.claims) : view })
}

async function askConsent(
  view: AuthorityView,
  request: AuthorizationRequest,
  user: VerifiedUser,
  browser: string,
): Promise<Result<SignInEnd, Refusal>> {
  // Asked again: the client or the resource may have changed while the person was away.
  const checked = await checkAuthorization(view, askOf(request))
  if (!checked.ok) return refuseStep(view, checked.error, request.clientId)
  const { found, known } = checked.value
  const name = view.tenant.users.get(user.id)?.user ?? user.name
  const signedIn: SignedIn = { user: { id: user.id, name }, links: user.links }
  const preview = await previewAccess(view, {
    caller: callerFor(view, found),
    subject: { user: signedIn.user, links: user.links, login: user.login, actors: [] },
    resource: request.resource,
    ...(request.scope === undefined ? {} : { scope: request.scope }),
  })
  if (!preview.ok) return refuseBack(view, request, preview.error)
  const ticket = newKey()
  const kept: KeptQuestion = { request, signedIn, browser }
  await keepStep(view, { kind: 'consent', key: ticket, doc: kept, life: STEP_LIFE })
  return ok({ ask: { ticket, found, request, user: name, known, tools: preview.value } })
}

/** The agent of a client, with what it will have proven when it asks for its tokens: until then nothing is given. */
export function callerFor(view: AuthorityView, { workload, links, proof }: FoundClient) {
  const forever = (view.now + 365 * 86_400) as EpochSeconds
  return { workload, proof, links, rev: view.snapshot.revision, expires: forever } as const
}

/** A request that was checked, as it came. */
export function askOf(request: AuthorizationRequest) {
  return {
    clientId: request.clientId,
    redirectUri: request.redirectUri,
    responseType: 'code',
    responseMode: undefined,
    challenge: request.challenge,
    challengeMethod: 'S256',
    resource: request.resource,
    scope: request.scope?.join(' '),
    state: request.state,
    dpopJkt: request.jkt,
    prompt: undefined,
    request: undefined,
  } as const
}

async function refuseBack(
  view: AuthorityView,
  request: AuthorizationRequest,
  refusal: Refusal,
): Promise<Result<SignInEnd, Refusal>> {
  const { redirectUri, state } = request
  const error = refusal.refused === 'limited' ? 'temporarily_unavailable' : 'access_denied'
  const back = { redirectUri, error, ...(state === undefined ? {} : { state }) } as const
  return refuseStep(view, { refusal, back }, request.clientId)
}

async function refuseStep(
  view: AuthorityView,
  no: Parameters<typeof refuseAuthorization>[1],
  clientId: string,
): Promise<Result<SignInEnd, Refusal>> {
  const step = await refuseAuthorization(view, no, clientId)
  return step.ok ? ok({ step: step.value }) : step
}
