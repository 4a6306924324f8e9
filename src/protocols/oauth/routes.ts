import type { Refusal } from '../../core/refusal.ts'
import { refuse } from '../../core/refusal.ts'
import { ok, type Result } from '../../core/result.ts'
import { type AuthorityPorts, type AuthorityView, viewOf } from '../../flows/authority.ts'
import { exchangeToken } from '../../flows/exchange-token.ts'
import {
  type AskedBy,
  authenticateAsker,
  type Introspection,
  introspectToken,
} from '../../flows/introspect-token.ts'
import { logOutUser } from '../../flows/log-out-user.ts'
import { revokeToken } from '../../flows/revoke-token.ts'
import type { IssuedToken, Wire } from '../../flows/token-ask.ts'
import type { Cors, DoorRequest, DoorResponse, Route } from '../../lib/http/route.ts'
import { jwks, metadata } from './metadata.ts'
import { REPEATABLE, readClient, readTokenAsk, TOKEN_TYPE, value } from './token-form.ts'
import { grantError, NOTHING_HERE, oauthError } from './wire-errors.ts'

type Answer = (view: AuthorityView, request: DoorRequest) => Promise<DoorResponse>

/** The authority's OAuth endpoints, per tenant. */
export function oauthRoutes(ports: AuthorityPorts): readonly Route[] {
  const at = (answer: Answer) => (request: DoorRequest) => {
    const view = viewOf(ports, request.params.tenant ?? '')
    return view ? answer(view, request) : Promise.resolve(NOTHING_HERE)
  }
  const get = (path: string, answer: Answer): Route => ({
    method: 'GET',
    path,
    guard: 'public',
    takes: 'nothing',
    errors: 'oauth',
    cors: SCRIPTS,
    run: at(answer),
  })
  const post = (path: string, guard: Route['guard'], answer: Answer): Route => ({
    method: 'POST',
    path,
    guard,
    takes: 'form',
    errors: 'oauth',
    repeatable: REPEATABLE,
    run: at(answer),
  })
  return [
    get('/.well-known/oauth-authorization-server/t/:tenant', discovery),
    get('/.well-known/openid-configuration/t/:tenant', discovery),
    get('/t/:tenant/.well-known/openid-configuration', discovery),
    get('/t/:tenant/.well-known/oauth-authorization-server', discovery),
    get('/t/:tenant/jwks.json', async (view) => ({ status: 200, headers: PUBLIC, json: jwks(view.tenant) })),
    { ...post('/t/:tenant/token', 'evidence', token), cors: SCRIPTS },
    post('/t/:tenant/introspect', 'agent', introspect),
    { ...post('/t/:tenant/revoke', 'agent', revoke), cors: SCRIPTS },
    post('/t/:tenant/logout/:idp', 'evidence', logout),
  ]
}

/**
 * Clients that run in a browser: whatever site they are of, since no cookie counts here, and what they show (a code with its verifier, a token) they must
 * have. Nothing that a person answers, or that knows a browser again, is among these.
 */
export const SCRIPTS: Cors = {
  origins: 'any',
  headers: ['*'],
  expose: ['www-authenticate', 'dpop-nonce', 'retry-after'],
}

const NEVER = { 'cache-control': 'no-store', pragma: 'no-cache' }
/** Seconds that keys and metadata may be kept: shorter than a published key waits before it signs. */
const PUBLIC = { 'cache-control': 'public, max-age=60' }
async function discovery(view: AuthorityView): Promise<DoorResponse> {
  return { status: 200, headers: PUBLIC, json: metadata(view) }
}

async function token(view: AuthorityView, request: DoorRequest): Promise<DoorResponse> {
  if (request.headers.authorization) return oauthError(ONE_METHOD)
  const ask = readTokenAsk(request.form)
  if (!ask.ok) return oauthError(ask.error)
  const issued = await exchangeToken(view, ask.value, wireOf(view, request, 'token'))
  if (issued.ok) return { status: 200, headers: NEVER, json: tokenAnswer(issued.value) }
  return ask.value.grant === 'workload' ? grantError(issued.error) : oauthError(issued.error)
}

const ONE_METHOD: Refusal = refuse(
  'unauthenticated',
  'client.method',
  'Authenticate in the body, with a client assertion.',
)

/** RFC 6749 §5.1 and RFC 8693 §2.2.1. */
function tokenAnswer(issued: IssuedToken): Readonly<Record<string, unknown>> {
  return {
    access_token: issued.token,
    issued_token_type: issued.issuedType === 'agent-jwt' ? TOKEN_TYPE.agent : TOKEN_TYPE.access,
    token_type: issued.tokenType,
    expires_in: issued.expiresIn,
    // Undefined is not written.
    scope: issued.scope?.join(' '),
    ...(issued.refreshToken === undefined ? {} : { refresh_token: issued.refreshToken }),
  }
}

/** RFC 7662 §2.2; about a token that does not concern the asker, `active: false` and nothing else. */
async function introspect(view: AuthorityView, request: DoorRequest): Promise<DoorResponse> {
  const asked = await readAsked(view, request, 'introspect')
  if ('refused' in asked) return oauthError(asked)
  const claims = await introspectToken(view, asked.asker, asked.token)
  return { status: 200, headers: NEVER, json: claims ? introspection(claims) : { active: false } }
}

/** `token_type` is the access token's (RFC 6749 §5.1); a refresh token has none. */
function introspection(claims: NonNullable<Introspection>): Readonly<Record<string, unknown>> {
  const { iss, sub, aud, client_id, scope, exp, sid } = claims
  const common = { active: true, iss, sub, aud, client_id, scope, exp, sid }
  if (!('jti' in claims)) return common
  const { iat, jti, act, cnf } = claims
  return { ...common, iat, jti, act, cnf, token_type: cnf ? 'DPoP' : 'Bearer' }
}

/** RFC 7009 §2.2: 200 whatever the token was. */
async function revoke(view: AuthorityView, request: DoorRequest): Promise<DoorResponse> {
  const asked = await readAsked(view, request, 'revoke')
  if ('refused' in asked) return oauthError(asked)
  await revokeToken(view, asked.asker, asked.token)
  return { status: 200, headers: NEVER, empty: true }
}

async function readAsked(view: AuthorityView, request: DoorRequest, endpoint: 'introspect' | 'revoke') {
  const { form, headers } = request
  const by = readAskedBy(form, headers.authorization ?? [])
  if (!by.ok) return by.error
  // Who asks about a token must prove itself (RFC 7662 §2.1); to give one back, to have it is enough (RFC 7009 §2.1).
  const { publicClient, ...proving } = by.value
  const counts = endpoint === 'revoke' ? by.value : proving
  const asker = await authenticateAsker(view, counts, wireOf(view, request, endpoint))
  if (!asker.ok) return asker.error
  const text = value(form, 'token')
  return text === undefined
    ? refuse('malformed', 'request.token', 'token is required.')
    : { asker: asker.value, token: text }
}

function readAskedBy(form: DoorRequest['form'], authorization: readonly string[]): Result<AskedBy, Refusal> {
  const client = readClient(form)
  if (client.ok) return ok({ client: client.value, authorization })
  if (client.error.reason !== 'client.missing') return client
  const publicClient = value(form, 'client_id')
  return ok(publicClient === undefined ? { authorization } : { authorization, publicClient })
}

/** OpenID Connect Back-Channel Logout 1.0 §2.8: 200 when done, 400 with an error otherwise. */
async function logout(view: AuthorityView, request: DoorRequest): Promise<DoorResponse> {
  const text = value(request.form, 'logout_token')
  if (text === undefined)
    return oauthError(refuse('malformed', 'request.logout_token', 'logout_token is required.'))
  const done = await logOutUser(view, request.params.idp ?? '', text)
  if (done.ok) return { status: 200, headers: NEVER, empty: true }
  if (done.error.refused === 'unknown') return NOTHING_HERE
  return {
    status: 400,
    headers: NEVER,
    json: { error: 'invalid_request', error_description: done.error.says, reason: done.error.reason },
  }
}

function wireOf(view: AuthorityView, request: DoorRequest, endpoint: string): Wire {
  return {
    dpop: request.headers.dpop ?? [],
    method: request.method,
    url: `${view.issuer}/${endpoint}`,
    address: request.address,
    signal: () => request.signal,
  }
}
