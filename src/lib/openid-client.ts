import * as oauth from 'oauth4webapi'
import { type FetchOptions, fetchJson, type GuardedFetch } from './guarded-fetch.ts'
import { createLru } from './lru.ts'
import { bad, good, type Outcome } from './outcome.ts'
import type { JsonObject } from './strict-json.ts'

/** An OpenID provider, and what we are there: a public client, or one that signs its assertions. */
export type OpenIdProvider = {
  readonly issuer: string
  readonly clientId: string
  /** Where people come back to; registered at the provider to the letter. */
  readonly redirectUri: string
  readonly scopes: readonly string[]
  /** Signs an RFC 7523 assertion for this audience; absent for a public client. */
  readonly assertion?: (audience: string) => string
  readonly ca?: string
  readonly allow?: readonly string[]
}

/** One sign-in's secrets: whoever comes back must come back with these. */
export type SignInKeys = { readonly state: string; readonly nonce: string; readonly verifier: string }

/** A relying party (OpenID Connect Core 1.0 §3.1) with PKCE S256 (RFC 7636). */
export type OpenIdClient = {
  /** The URL to send the person to. */
  begin(provider: OpenIdProvider, keys: SignInKeys): Promise<Outcome<string>>
  /**
   * Trades the code that came back for an ID token: `iss` (RFC 9207), state, nonce, audience and times are checked here, its
   * signature by whoever asks. Reasons: `sign_in.answer` (what came back is no answer to this sign-in), `sign_in.denied` (the
   * provider said no), `sign_in.provider` (it can't be talked to).
   */
  finish(
    provider: OpenIdProvider,
    keys: SignInKeys,
    query: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<Outcome<string>>
}

/** Milliseconds that a provider's metadata is used. */
const METADATA_LIFE = 300_000

type Held = { readonly server: oauth.AuthorizationServer; readonly until: number }

export function createOpenIdClient(fetch: GuardedFetch, now: () => number): OpenIdClient {
  const known = createLru<string, Held>(1000)
  const metadata = async (provider: OpenIdProvider): Promise<Outcome<oauth.AuthorizationServer>> => {
    const key = JSON.stringify([provider.issuer, provider.ca, provider.allow])
    const held = known.get(key)
    if (held && now() < held.until) return good(held.server)
    const found = await discover(provider, fetch)
    if (found.ok) known.set(key, { server: found.value, until: now() + METADATA_LIFE })
    return found
  }
  return {
    begin: async (provider, keys) => {
      const server = await metadata(provider)
      return server.ok ? good(await authorizationUrl(server.value, provider, keys)) : server
    },
    finish: async (provider, keys, query, signal) => {
      const server = await metadata(provider)
      return server.ok ? redeem({ server: server.value, provider, keys, query, signal, fetch }) : server
    },
  }
}

function reaching({ ca, allow }: OpenIdProvider): FetchOptions {
  return { ...(ca === undefined ? {} : { ca }), ...(allow === undefined ? {} : { allow }) }
}

/** OpenID Connect Discovery 1.0 §4.3: the issuer is exactly the one that was asked for. */
async function discover(
  provider: OpenIdProvider,
  fetch: GuardedFetch,
): Promise<Outcome<oauth.AuthorizationServer>> {
  const url = `${provider.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const document = await fetchJson(fetch, url, reaching(provider))
  if (!document.ok) return unreachable(document.error.reason)
  const found: JsonObject = document.value
  const places = [found['authorization_endpoint'], found['token_endpoint']]
  const whole = found['issuer'] === provider.issuer && places.every((place) => typeof place === 'string')
  return whole ? good(found as unknown as oauth.AuthorizationServer) : unreachable('metadata')
}

function unreachable(why: string): Outcome<never> {
  const says = 'The identity provider of this tenant can not be reached, or says nothing usable about itself.'
  return bad('stale', 'sign_in.provider', says, { why })
}

async function authorizationUrl(
  server: oauth.AuthorizationServer,
  provider: OpenIdProvider,
  keys: SignInKeys,
): Promise<string> {
  const url = new URL(server.authorization_endpoint ?? '')
  const parameters = {
    client_id: provider.clientId,
    redirect_uri: provider.redirectUri,
    response_type: 'code',
    scope: provider.scopes.join(' '),
    state: keys.state,
    nonce: keys.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(keys.verifier),
    code_challenge_method: 'S256',
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

type Redeeming = {
  readonly server: oauth.AuthorizationServer
  readonly provider: OpenIdProvider
  readonly keys: SignInKeys
  readonly query: ReadonlyMap<string, string>
  readonly signal: AbortSignal
  readonly fetch: GuardedFetch
}

async function redeem(redeeming: Redeeming): Promise<Outcome<string>> {
  const { server, provider, keys, query, signal, fetch } = redeeming
  const client = { client_id: provider.clientId }
  try {
    const answer = oauth.validateAuthResponse(server, client, new URLSearchParams([...query]), keys.state)
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      authentication(provider),
      answer,
      provider.redirectUri,
      keys.verifier,
      // Whether plain http may be spoken to this place is the guarded fetch's to say.
      {
        [oauth.customFetch]: fetchFor(fetch, provider),
        [oauth.allowInsecureRequests]: true,
        signal,
      },
    )
    const options = { expectedNonce: keys.nonce, requireIdToken: true }
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, options)
    return typeof tokens.id_token === 'string' ? good(tokens.id_token) : refused('answer', 'no_id_token')
  } catch (error) {
    return failure(error)
  }
}

function authentication({ assertion }: OpenIdProvider): oauth.ClientAuth {
  if (assertion === undefined) return oauth.None()
  return (server, client, body) => {
    body.set('client_id', client.client_id)
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    body.set('client_assertion', assertion(server.issuer))
  }
}

type CustomFetch = NonNullable<oauth.TokenEndpointRequestOptions[typeof oauth.customFetch]>

/** A `fetch` for the library that goes through the guarded one. */
function fetchFor(fetch: GuardedFetch, provider: OpenIdProvider): CustomFetch {
  return async (url, { body, headers, signal }) => {
    const given = signal instanceof AbortSignal ? { signal } : {}
    const answer = await fetch(url, {
      ...reaching(provider),
      ...given,
      method: 'POST',
      headers: Object.fromEntries(new Headers(headers)),
      body: String(body),
    })
    if (!answer.ok) throw new Unreachable(answer.error.reason)
    const { status, headers: answered, body: bytes } = answer.value
    return new Response(new Uint8Array(bytes), { status, headers: answered })
  }
}

class Unreachable extends Error {}

function failure(error: unknown): Outcome<never> {
  if (error instanceof Unreachable) return unreachable(error.message)
  if (error instanceof oauth.AuthorizationResponseError || error instanceof oauth.ResponseBodyError)
    return refused('denied', error.error)
  const code = error instanceof oauth.OperationProcessingError ? (error.code ?? 'answer') : 'answer'
  return refused('answer', code)
}

const SAYS = {
  answer: 'What came back from the identity provider does not belong to this sign-in.',
  denied: 'The identity provider did not sign you in.',
} as const

/** The provider's own code is a word of OAuth, or else of no use to anybody. */
function refused(what: keyof typeof SAYS, why: string): Outcome<never> {
  const code = /^[\w.-]{1,60}$/.test(why) ? why : 'other'
  return bad('unauthenticated', `sign_in.${what}`, SAYS[what], { why: code })
}
