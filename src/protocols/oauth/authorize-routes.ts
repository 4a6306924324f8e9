import type { OAuthClient } from '../../core/identity/oauth-client.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { type AuthorityPorts, type AuthorityView, viewOf } from '../../flows/authority.ts'
import type { ConnectPorts } from '../../flows/connect/connect-ports.ts'
import { answerConsent } from '../../flows/sign-in/answer-consent.ts'
import type { AuthorizationAsk } from '../../flows/sign-in/authorization.ts'
import { beginSignIn } from '../../flows/sign-in/begin-sign-in.ts'
import { finishSignIn } from '../../flows/sign-in/finish-sign-in.ts'
import { pushAuthorization, takePushed } from '../../flows/sign-in/push-authorization.ts'
import { registerClient } from '../../flows/sign-in/register-client.ts'
import type { DoorRequest, DoorResponse, Route } from '../../lib/http/route.ts'
import { browserOf, FOREIGN_FORM, isOwnForm, stepTo } from './browser.ts'
import { returnToConnect } from './connect-routes.ts'
import { consentPage } from './pages/consent.ts'
import { refusedPage } from './pages/refused.ts'
import { SCRIPTS } from './routes.ts'
import { readPersonsClient, value } from './token-form.ts'
import { NOTHING_HERE, oauthError } from './wire-errors.ts'

type Answer = (view: AuthorityView, request: DoorRequest) => Promise<DoorResponse>

/** Where people sign in through clients (RFC 6749 §4.1, RFC 9126, RFC 7591), per tenant. */
export function authorizeRoutes(ports: AuthorityPorts, connect: ConnectPorts): readonly Route[] {
  const at = (answer: Answer) => async (request: DoorRequest) => {
    const view = viewOf(ports, request.params['tenant'] ?? '')
    return view ? answer(view, request) : NOTHING_HERE
  }
  // Browsers, and clients that may prove nothing: whoever they are is the person's to say, at the provider and on our page.
  const get = { method: 'GET', guard: 'public', takes: 'nothing', errors: 'oauth' } as const
  const post = { method: 'POST', guard: 'public', errors: 'oauth' } as const
  return [
    { ...get, path: '/t/:tenant/authorize', run: at(authorize) },
    {
      ...get,
      path: '/t/:tenant/sign-in',
      run: at((view, request) => returnToConnect(view, connect, request) ?? signIn(view, request)),
    },
    { ...post, takes: 'form', path: '/t/:tenant/consent', run: at(consent) },
    { ...post, takes: 'form', path: '/t/:tenant/par', run: at(push) },
    { ...post, takes: 'json', path: '/t/:tenant/register', cors: SCRIPTS, run: at(register) },
  ]
}

type Read = (name: string) => string | undefined

/** RFC 6749 §3.1: a parameter without a value counts as left out. */
function askFrom(read: Read): AuthorizationAsk {
  return {
    clientId: read('client_id'),
    redirectUri: read('redirect_uri'),
    responseType: read('response_type'),
    responseMode: read('response_mode'),
    challenge: read('code_challenge'),
    challengeMethod: read('code_challenge_method'),
    resource: read('resource'),
    scope: read('scope'),
    state: read('state'),
    dpopJkt: read('dpop_jkt'),
    prompt: read('prompt'),
    request: read('request'),
  }
}

async function authorize(view: AuthorityView, request: DoorRequest): Promise<DoorResponse> {
  const read: Read = (name) => request.query.get(name) || undefined
  const pushed = read('request_uri')
  // RFC 9126 §4: what was pushed counts alone; what stands beside it in the URL does not.
  const ask =
    pushed === undefined
      ? ({ ok: true, value: askFrom(read) } as const)
      : await takePushed(view, pushed, read('client_id'))
  if (!ask.ok) return refusedPage(ask.error)
  return stepTo(view, await beginSignIn(view, ask.value, browserOf(view, request)))
}

async function signIn(view: AuthorityView, request: DoorRequest): Promise<DoorResponse> {
  const end = await finishSignIn(view, request.query, browserOf(view, request), request.signal)
  if (!end.ok) return refusedPage(end.error)
  return 'ask' in end.value
    ? consentPage(view, end.value.ask)
    : stepTo(view, { ok: true, value: end.value.step })
}

const NO_ANSWER = refuse('malformed', 'consent.answer', 'The answer is allow or deny, with its ticket.')

async function consent(view: AuthorityView, request: DoorRequest): Promise<DoorResponse> {
  if (!isOwnForm(view, request)) return refusedPage(FOREIGN_FORM)
  const ticket = value(request.form, 'ticket')
  const answer = value(request.form, 'answer')
  if (ticket === undefined || (answer !== 'allow' && answer !== 'deny')) return refusedPage(NO_ANSWER)
  const given = { ticket, allowed: answer === 'allow' }
  return stepTo(view, await answerConsent(view, given, browserOf(view, request)))
}

const NEVER = { 'cache-control': 'no-store', pragma: 'no-cache' }
const PUSHED_TWICE = refuse('malformed', 'request.pushed_uri', 'A pushed request holds no request_uri.')

/** RFC 9126 §2.2. */
async function push(view: AuthorityView, { form }: DoorRequest): Promise<DoorResponse> {
  if (value(form, 'request_uri') !== undefined) return oauthError(PUSHED_TWICE)
  const client = readPersonsClient(form)
  if (!client.ok) return oauthError(client.error)
  const { clientId, assertion } = client.value
  const ask = askFrom((name) => (name === 'client_id' ? clientId : value(form, name)))
  const pushed = await pushAuthorization(view, ask, assertion)
  if (!pushed.ok) return oauthError(pushed.error)
  const { requestUri, expiresIn } = pushed.value
  return { status: 201, headers: NEVER, json: { request_uri: requestUri, expires_in: expiresIn } }
}

/** RFC 7591 §3.2. */
async function register(view: AuthorityView, { json }: DoorRequest): Promise<DoorResponse> {
  const done = await registerClient(view, json)
  if (!done.ok) return registrationError(done.error)
  const { client, issuedAt } = done.value
  const answer = {
    client_id: client.id,
    client_id_issued_at: issuedAt,
    client_name: client.name,
    redirect_uris: client.redirectUris,
    ...keysAnswer(client),
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  }
  return { status: 201, headers: NEVER, json: answer }
}

function keysAnswer({ keys }: OAuthClient): Readonly<Record<string, unknown>> {
  if (keys === undefined) return { token_endpoint_auth_method: 'none' }
  const place = 'jwks' in keys ? { jwks: keys.jwks } : { jwks_uri: keys.jwksUri }
  return { token_endpoint_auth_method: 'private_key_jwt', ...place }
}

/** RFC 7591 §3.2.2 has codes of its own; what has none is answered as at the token endpoint. */
function registrationError(refusal: Refusal): DoorResponse {
  if (refusal.reason === 'registration.closed') return NOTHING_HERE
  const error = REGISTRATION_CODES[refusal.reason]
  if (error === undefined) return oauthError(refusal)
  return {
    status: 400,
    headers: NEVER,
    json: { error, error_description: refusal.says, reason: refusal.reason },
  }
}

const REGISTRATION_CODES: Readonly<Record<string, string>> = {
  'registration.metadata': 'invalid_client_metadata',
  'registration.auth_method': 'invalid_client_metadata',
  'registration.keys': 'invalid_client_metadata',
  'registration.redirect': 'invalid_redirect_uri',
}
