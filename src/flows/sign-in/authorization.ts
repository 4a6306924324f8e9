import { isLoopback, isRedirectOf } from '../../core/identity/oauth-client.ts'
import { resourceUri } from '../../core/policy/resource.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import type { KnownResource } from '../../core/snapshot.ts'
import type { AuthorityView } from '../authority.ts'
import { type FoundClient, findClient } from './find-client.ts'

/** An authorization request as it came (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2, RFC 9449 §10): texts, not believed. */
export type AuthorizationAsk = {
  readonly clientId: string | undefined
  readonly redirectUri: string | undefined
  readonly responseType: string | undefined
  readonly responseMode: string | undefined
  readonly challenge: string | undefined
  readonly challengeMethod: string | undefined
  readonly resource: string | undefined
  readonly scope: string | undefined
  readonly state: string | undefined
  readonly dpopJkt: string | undefined
  readonly prompt: string | undefined
  readonly request: string | undefined
}

/** A request that may be put before a person. Kept as JSON while they sign in. */
export type AuthorizationRequest = {
  readonly clientId: string
  readonly redirectUri: string
  readonly state?: string
  readonly challenge: string
  /** URI of the one resource. */
  readonly resource: string
  /** Tools to narrow to; absent: whatever policy lets this agent do there for this person. */
  readonly scope?: readonly string[]
  /** The key that the code is bound to. */
  readonly jkt?: string
}

/** OAuth's word for a no that goes back to the client (RFC 6749 §4.1.2.1, RFC 8707 §2, OpenID Connect Core §3.1.2.6). */
export type AuthorizationError =
  | 'invalid_request'
  | 'unsupported_response_type'
  | 'invalid_target'
  | 'access_denied'
  | 'login_required'
  | 'request_not_supported'
  | 'temporarily_unavailable'

/** A no: `back` where the client may be told, else the person alone, since nobody knows where the redirect leads. */
export type AuthorizationNo = {
  readonly refusal: Refusal
  readonly back?: {
    readonly redirectUri: string
    readonly state?: string
    readonly error: AuthorizationError
  }
}

export type Checked = {
  readonly request: AuthorizationRequest
  readonly found: FoundClient
  readonly known: KnownResource
}

const MAX_STATE = 2048
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/

/**
 * Checks a request in the order that keeps a stranger from using us as a redirector: first who asks and where answers go, and only
 * then, with that place proven, everything else (RFC 6749 §4.1.2.1).
 */
export async function checkAuthorization(
  view: AuthorityView,
  ask: AuthorizationAsk,
): Promise<Result<Checked, AuthorizationNo>> {
  if (ask.clientId === undefined)
    return stay(refuse('malformed', 'request.client_id', 'client_id is required.'))
  const found = await findClient(view, ask.clientId)
  if (!found.ok) return stay(found.error)
  const redirectUri = redirectOf(found.value, ask)
  if (redirectUri === undefined) return stay(BAD_REDIRECT)
  const no = (error: AuthorizationError, refusal: Refusal): Result<never, AuthorizationNo> => {
    const state = ask.state === undefined || ask.state.length > MAX_STATE ? {} : { state: ask.state }
    return err({ refusal, back: { redirectUri, error, ...state } })
  }
  const wrong = formOf(ask)
  if (wrong) return no(wrong.error, wrong.refusal)
  const known = targetOf(view, ask.resource)
  if (!known) return no('invalid_target', UNKNOWN_TARGET)
  return ok({ request: requestOf(ask, redirectUri, known), found: found.value, known })
}

function stay(refusal: Refusal): Result<never, AuthorizationNo> {
  return err({ refusal })
}

const BAD_REDIRECT = refuse(
  'denied',
  'client.redirect',
  'The client did not register the address that it wants you sent to, so nobody is sent there.',
)
const UNKNOWN_TARGET = refuse(
  'unknown',
  'request.target',
  'resource: exactly one, and one that this tenant has.',
)

/** RFC 6749 §3.1.2.3: it may be left out where only one is registered, and that one is not on a port that the client picks. */
function redirectOf({ client }: FoundClient, { redirectUri }: AuthorizationAsk): string | undefined {
  if (redirectUri !== undefined) return isRedirectOf(client, redirectUri) ? redirectUri : undefined
  const [only] = client.redirectUris
  return client.redirectUris.length === 1 && only !== undefined && !isLoopback(only) ? only : undefined
}

type Wrong = { readonly error: AuthorizationError; readonly refusal: Refusal }

function formOf(ask: AuthorizationAsk): Wrong | undefined {
  const wrong = (error: AuthorizationError, reason: string, says: string): Wrong => {
    return { error, refusal: refuse('malformed', reason, says) }
  }
  if (ask.request !== undefined)
    return wrong(
      'request_not_supported',
      'request.object',
      'Request objects are not taken; push the request.',
    )
  if (ask.responseType !== 'code')
    return wrong('unsupported_response_type', 'request.response_type', 'response_type is code.')
  if (ask.responseMode !== undefined && ask.responseMode !== 'query')
    return wrong('invalid_request', 'request.response_mode', 'response_mode is query.')
  // RFC 9700 §2.1.1: plain would show the verifier to whoever sees the request.
  if (ask.challengeMethod !== 'S256' || !CHALLENGE.test(ask.challenge ?? ''))
    return wrong('invalid_request', 'request.pkce', 'PKCE is required: code_challenge, by S256.')
  if (ask.state !== undefined && ask.state.length > MAX_STATE)
    return wrong('invalid_request', 'request.state', `state has at most ${MAX_STATE} characters.`)
  if (ask.dpopJkt !== undefined && !CHALLENGE.test(ask.dpopJkt))
    return wrong('invalid_request', 'request.dpop_jkt', 'dpop_jkt is a SHA-256 thumbprint (RFC 7638).')
  if (ask.prompt?.split(' ').includes('none'))
    return wrong('login_required', 'sign_in.required', 'A person must sign in and agree each time.')
  return undefined
}

/** The resource with exactly this URI. A client that parses URLs may have added a slash to it. */
function targetOf(view: AuthorityView, uri: string | undefined): KnownResource | undefined {
  if (uri === undefined) return undefined
  const name = uri.slice(uri.lastIndexOf('/') + 1)
  const known = view.tenant.resources.get(name)
  return known && resourceUri(view.ports.gatewayOrigin, view.name, known.resource) === uri ? known : undefined
}

/**
 * Words of a scope that are no tool of this resource are left out: clients ask for all they ever read of (`openid`,
 * `offline_access`), and what they get is said in the answer (RFC 6749 §3.3).
 */
function requestOf(
  ask: AuthorizationAsk,
  redirectUri: string,
  { resource, tools }: KnownResource,
): AuthorizationRequest {
  const actions = new Set([...tools.values()].map(({ action }) => action))
  const scope = [...new Set((ask.scope ?? '').split(' '))].filter((word) => actions.has(word))
  return {
    clientId: ask.clientId ?? '',
    redirectUri,
    challenge: ask.challenge ?? '',
    resource: ask.resource ?? resource.resource,
    ...(ask.state === undefined ? {} : { state: ask.state }),
    ...(scope.length === 0 ? {} : { scope }),
    ...(ask.dpopJkt === undefined ? {} : { jkt: ask.dpopJkt }),
  }
}

/** Where the answer goes: the client's redirect with `iss` in every answer (RFC 9207 §2). */
export function answerUrl(
  view: AuthorityView,
  { redirectUri, state }: { readonly redirectUri: string; readonly state?: string },
  answer: { readonly code: string } | { readonly error: AuthorizationError; readonly says: string },
): string {
  const url = new URL(redirectUri)
  if ('code' in answer) url.searchParams.set('code', answer.code)
  else {
    url.searchParams.set('error', answer.error)
    url.searchParams.set('error_description', plain(answer.says))
  }
  if (state !== undefined) url.searchParams.set('state', state)
  url.searchParams.set('iss', view.issuer)
  return url.href
}

/** RFC 6749 §4.1.2.1: printable ASCII without quotation mark and backslash. */
function plain(says: string): string {
  return says.replace(/["`\\]/g, "'").replace(/[^\x20-\x7e]/g, '?')
}
