import { TOKEN_TYP } from '../../core/identity/access-token.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import type { ClientStatement } from '../../flows/sign-in/prove-client.ts'
import type { ClientAssertion, SubjectToken, TokenAsk, TokenTarget } from '../../flows/token-ask.ts'
import { isIdJag } from '../../flows/verify-id-jag.ts'
import { clientInAssertion } from '../../lib/jose/client-assertion.ts'
import { parseJws } from '../../lib/jose/jws.ts'

type Form = ReadonlyMap<string, readonly string[]>

export const GRANT = {
  exchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
  client: 'client_credentials',
  code: 'authorization_code',
  refresh: 'refresh_token',
  bearer: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
} as const
export const TOKEN_TYPE = {
  access: 'urn:ietf:params:oauth:token-type:access_token',
  id: 'urn:ietf:params:oauth:token-type:id_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
  agent: 'urn:countersign:params:oauth:token-type:agent-jwt',
} as const
const ASSERTION: ReadonlyMap<string, ClientAssertion['type']> = new Map([
  ['urn:ietf:params:oauth:client-assertion-type:jwt-bearer', 'jwt-bearer'],
  ['urn:ietf:params:oauth:client-assertion-type:jwt-spiffe', 'jwt-spiffe'],
])

/** Parameters that may come more than once; more than one `resource` or `audience` is then refused as a target, not as a form. */
export const REPEATABLE = ['resource', 'audience'] as const

/** RFC 6749 §3.2: a parameter without a value counts as left out. */
export function value(form: Form, name: string): string | undefined {
  const found = form.get(name)?.[0]
  return found === '' ? undefined : found
}

/** Reads a request to the token endpoint (RFC 6749 §4.4.2, RFC 8693 §2.1, RFC 7521 §4.2, RFC 8707 §2). */
export function readTokenAsk(form: Form): Result<TokenAsk, Refusal> {
  const grant = value(form, 'grant_type')
  if (grant === undefined) return no('request.grant_type', 'grant_type is required.')
  if (grant === GRANT.client) return onward(form)
  if (grant === GRANT.exchange) return exchange(form)
  if (grant === GRANT.code) return code(form)
  if (grant === GRANT.refresh) return refresh(form)
  if (grant === GRANT.bearer) return bearer(form)
  return no('grant.unsupported', 'This grant type is not supported here.')
}

/**
 * RFC 7523 §2.1. What the assertion is, its type says: an ID-JAG, which an authenticated client brings; or a workload's evidence, which is
 * its own client, so that there is no other (MCP SEP-1933).
 */
function bearer(form: Form): Result<TokenAsk, Refusal> {
  const assertion = value(form, 'assertion')
  if (assertion === undefined) return no('request.assertion', 'assertion is required.')
  if (isIdJag(assertion)) return idJag(form, assertion)
  if (value(form, 'client_assertion') !== undefined || isOwnToken(assertion)) return err(OTHER_KIND)
  const target = readTarget(form)
  if (!target.ok) return target
  const clientId = value(form, 'client_id')
  const named = clientId === undefined ? {} : { clientId }
  return ok({ grant: 'workload', client: { type: 'jwt-bearer', assertion, ...named }, target: target.value })
}

const OTHER_KIND = refuse(
  'unauthenticated',
  'assertion.kind',
  "The assertion is neither an ID-JAG nor a workload's own evidence.",
)

function isOwnToken(assertion: string): boolean {
  const jws = parseJws(assertion)
  return jws.ok && Object.values<unknown>(TOKEN_TYP).includes(jws.value.header.typ)
}

function idJag(form: Form, assertion: string): Result<TokenAsk, Refusal> {
  const client = readClient(form)
  if (!client.ok) return client
  const scope = readScope(form)
  if (!scope.ok) return scope
  const narrowed = scope.value === undefined ? {} : { scope: scope.value }
  return ok({ grant: 'id-jag', client: client.value, assertion, ...resourceAgain(form), ...narrowed })
}

function exchange(form: Form): Result<TokenAsk, Refusal> {
  const subject = readSubject(form)
  if (!subject.ok) return subject
  const requested = value(form, 'requested_token_type') ?? TOKEN_TYPE.access
  if (requested === TOKEN_TYPE.agent) return attest(form, subject.value)
  if (requested !== TOKEN_TYPE.access)
    return no('request.requested_token_type', 'Tokens of this type are not issued here.')
  const actor = readActor(form)
  if (!actor.ok) return actor
  const read = onward(form)
  if (!read.ok || read.value.grant !== 'client_credentials') return read
  const { client, target } = read.value
  const asked = { grant: 'exchange', client, target, subject: subject.value } as const
  return ok(actor.value === undefined ? asked : { ...asked, actor: actor.value })
}

/** RFC 6749 §4.1.3 and RFC 7636 §4.5. */
function code(form: Form): Result<TokenAsk, Refusal> {
  const client = readPersonsClient(form)
  if (!client.ok) return client
  const [given, verifier] = [value(form, 'code'), value(form, 'code_verifier')]
  if (given === undefined) return no('request.code', 'code is required.')
  if (verifier === undefined || !/^[A-Za-z0-9._~-]{43,128}$/.test(verifier))
    return no('request.pkce', 'code_verifier is required (RFC 7636).')
  const redirectUri = value(form, 'redirect_uri')
  return ok({
    grant: 'authorization_code',
    ...client.value,
    code: given,
    verifier,
    ...(redirectUri === undefined ? {} : { redirectUri }),
    ...resourceAgain(form),
  })
}

/** RFC 6749 §6. */
function refresh(form: Form): Result<TokenAsk, Refusal> {
  const client = readPersonsClient(form)
  if (!client.ok) return client
  const refreshToken = value(form, 'refresh_token')
  if (refreshToken === undefined) return no('request.refresh_token', 'refresh_token is required.')
  return ok({ grant: 'refresh_token', ...client.value, refreshToken, ...resourceAgain(form) })
}

/**
 * A client that people sign in through: by its id alone, or with an assertion made by its own key, which names it too (RFC 7521 §4.2).
 */
export function readPersonsClient(form: Form): Result<ClientStatement, Refusal> {
  if (value(form, 'client_secret') !== undefined) return err(NO_SECRETS)
  const assertion = value(form, 'client_assertion')
  if (assertion === undefined && value(form, 'client_assertion_type') === undefined) {
    const clientId = value(form, 'client_id')
    return clientId === undefined ? no('request.client_id', 'client_id is required.') : ok({ clientId })
  }
  const client = readClient(form)
  if (!client.ok) return client
  if (client.value.type !== 'jwt-bearer')
    return no('request.client_assertion_type', 'This client_assertion_type is not supported.')
  const clientId = client.value.clientId ?? statedClient(client.value.assertion)
  return clientId === undefined
    ? no('request.client_id', 'client_id is required.')
    : ok({ clientId, assertion: client.value.assertion })
}

function statedClient(assertion: string): string | undefined {
  const jws = parseJws(assertion)
  return jws.ok ? clientInAssertion(jws.value) : undefined
}

/** RFC 8707 §2.2: it may be said again, and must then be the same. */
function resourceAgain(form: Form): { readonly resource?: string } {
  const values = form.get('resource')?.filter((each) => each !== '') ?? []
  return values.length === 0 ? {} : { resource: values.length === 1 ? (values[0] ?? '') : '' }
}

const NO_SECRETS = refuse(
  'unauthenticated',
  'client.secret',
  'No client here has a secret; use a client assertion.',
)

function attest(form: Form, subject: SubjectToken): Result<TokenAsk, Refusal> {
  const audience = sole(form, 'audience')
  if (audience === undefined) return invalidTarget('audience: exactly one tenant issuer.')
  if (subject.type !== 'jwt') return no('request.subject_token_type', 'Evidence is a JWT.')
  for (const other of ['client_assertion', 'actor_token', 'resource', 'scope']) {
    if (value(form, other) !== undefined)
      return no('request.unexpected', `${other} has no meaning in this request.`)
  }
  return ok({ grant: 'attest', evidence: subject.token, audience })
}

function onward(form: Form): Result<TokenAsk, Refusal> {
  const client = readClient(form)
  if (!client.ok) return client
  const target = readTarget(form)
  if (!target.ok) return target
  return ok({ grant: 'client_credentials', client: client.value, target: target.value })
}

/** The client's assertion; none at all is an unauthenticated client, not a malformed request (RFC 6749 §5.2). */
export function readClient(form: Form): Result<ClientAssertion, Refusal> {
  if (value(form, 'client_secret') !== undefined) {
    return err(NO_SECRETS)
  }
  const assertion = value(form, 'client_assertion')
  const stated = value(form, 'client_assertion_type')
  if (assertion === undefined)
    return err(refuse('unauthenticated', 'client.missing', 'Authenticate with a client assertion.'))
  const type = ASSERTION.get(stated ?? '')
  if (type === undefined)
    return no('request.client_assertion_type', 'This client_assertion_type is not supported.')
  const clientId = value(form, 'client_id')
  return ok(clientId === undefined ? { type, assertion } : { type, assertion, clientId })
}

function readTarget(form: Form): Result<TokenTarget, Refusal> {
  const resource = sole(form, 'resource')
  if (resource === undefined || value(form, 'audience') !== undefined)
    return invalidTarget('resource: exactly one, and no audience.')
  // RFC 8707 §2: absolute, without fragment.
  if (!URL.canParse(resource) || resource.includes('#'))
    return invalidTarget('resource must be an absolute URI without a fragment.')
  const single = value(form, 'single_use')
  if (single !== undefined && single !== 'true' && single !== 'false')
    return no('request.single_use', 'single_use is true or false.')
  const scope = readScope(form)
  if (!scope.ok) return scope
  const target = { resource, singleUse: single === 'true' }
  return ok(scope.value === undefined ? target : { ...target, scope: scope.value })
}

const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/

/** RFC 6749 §3.3: words of printable ASCII, one space between. */
function readScope(form: Form): Result<readonly string[] | undefined, Refusal> {
  const text = value(form, 'scope')
  if (text === undefined) return ok(undefined)
  const words = SCOPE.test(text) ? text.split(' ') : []
  return words.length > 0 && words.length <= 200
    ? ok([...new Set(words)])
    : no('scope.malformed', 'scope is a list of words with one space between.')
}

const SUBJECTS: Readonly<Record<string, SubjectToken['type']>> = {
  [TOKEN_TYPE.access]: 'access_token',
  [TOKEN_TYPE.id]: 'id_token',
  [TOKEN_TYPE.jwt]: 'jwt',
}

function readSubject(form: Form): Result<SubjectToken, Refusal> {
  const token = value(form, 'subject_token')
  const stated = value(form, 'subject_token_type')
  if (token === undefined || stated === undefined)
    return no('request.subject_token', 'subject_token and subject_token_type are required.')
  const type = Object.hasOwn(SUBJECTS, stated) ? SUBJECTS[stated] : undefined
  return type
    ? ok({ token, type })
    : no('request.subject_token_type', 'This subject_token_type is not supported.')
}

/** RFC 8693 §2.1: the type comes with an actor token, and only with one. */
function readActor(form: Form): Result<string | undefined, Refusal> {
  const token = value(form, 'actor_token')
  const type = value(form, 'actor_token_type')
  if ((token === undefined) !== (type === undefined))
    return no('request.actor_token', 'actor_token and actor_token_type come together.')
  if (type !== undefined && type !== TOKEN_TYPE.jwt && type !== TOKEN_TYPE.agent)
    return no('request.actor_token_type', 'This actor_token_type is not supported.')
  return ok(token)
}

function sole(form: Form, name: string): string | undefined {
  const values = form.get(name)?.filter((each) => each !== '') ?? []
  return values.length === 1 ? values[0] : undefined
}

function invalidTarget(says: string): Result<never, Refusal> {
  return err(refuse('unknown', 'request.target', says))
}

function no(reason: string, says: string): Result<never, Refusal> {
  return err(refuse('malformed', reason, says))
}
