import * as oauth from 'oauth4webapi'
import { good, type Outcome } from '../outcome.ts'
import type { AuthorizationKeys } from './authorize.ts'
import { scopesOf } from './challenge.ts'
import type { AuthorizationServer } from './discover.ts'
import { failure } from './problem.ts'
import { type Reach, through } from './reach.ts'
import type { OurClient } from './register.ts'

/** What an authorization server gave. `scopes` only where it says them: then they may be fewer than were asked for. */
export type Tokens = {
  readonly access: string
  /** Seconds; absent when it doesn't say. */
  readonly expiresIn?: number
  readonly refresh?: string
  readonly scopes?: readonly string[]
}

/** Who we are where we ask. `assertion` signs an RFC 7523 one for `private_key_jwt`. */
export type Asking = {
  readonly reach: Reach
  readonly server: AuthorizationServer
  readonly client: OurClient
  readonly assertion?: (audience: string) => string
}

/**
 * Trades the code that came back for tokens. First whether the answer is this authorization's: `state`, and `iss` as RFC 9207 §2.4 says,
 * to the letter and also when it is an error, so that a code is never sent to another server than the one that gave it.
 */
export async function redeemCode(
  asking: Asking,
  query: ReadonlyMap<string, string>,
  { keys, redirectUri, resource }: { keys: AuthorizationKeys; redirectUri: string; resource: string },
): Promise<Outcome<Tokens>> {
  const { server, client } = parties(asking)
  let answer: URLSearchParams
  try {
    answer = oauth.validateAuthResponse(server, client, new URLSearchParams([...query]), keys.state)
  } catch (error) {
    return failure(error, 'connect.answer')
  }
  return tokensFrom(async () => {
    const how = { ...through(asking.reach), additionalParameters: { resource } }
    const auth = authenticationOf(asking)
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      auth,
      answer,
      redirectUri,
      keys.verifier,
      how,
    )
    return oauth.processAuthorizationCodeResponse(server, client, response)
  })
}

/** RFC 6749 §6. A server that rotates gives a new refresh token; else the old one stays. */
export async function refreshTokens(
  asking: Asking,
  refresh: string,
  resource: string,
): Promise<Outcome<Tokens>> {
  const { server, client } = parties(asking)
  const given = await tokensFrom(async () => {
    const how = { ...through(asking.reach), additionalParameters: { resource } }
    const auth = authenticationOf(asking)
    const response = await oauth.refreshTokenGrantRequest(server, client, auth, refresh, how)
    return oauth.processRefreshTokenResponse(server, client, response)
  })
  return given.ok ? good({ refresh, ...given.value }) : given
}

/** RFC 7009. Whether it was done; a server without the endpoint can't be asked. */
export async function revokeToken(asking: Asking, token: string): Promise<Outcome<boolean>> {
  const { server, client } = parties(asking)
  if (server.revocation_endpoint === undefined) return good(false)
  try {
    const auth = authenticationOf(asking)
    const response = await oauth.revocationRequest(server, client, auth, token, through(asking.reach))
    await oauth.processRevocationResponse(response)
    return good(true)
  } catch (error) {
    return failure(error, 'connect.token')
  }
}

/** Any other grant (RFC 8693, RFC 7523) by its parameters. */
export function askToken(
  asking: Asking,
  grant: string,
  parameters: Readonly<Record<string, string>>,
): Promise<Outcome<Tokens>> {
  const { server, client } = parties(asking)
  return tokensFrom(async () => {
    const auth = authenticationOf(asking)
    const how = through(asking.reach)
    const response = await oauth.genericTokenEndpointRequest(
      server,
      client,
      auth,
      grant,
      { ...parameters },
      how,
    )
    return oauth.processGenericTokenEndpointResponse(server, client, response, {
      recognizedTokenTypes: NOT_USED,
    })
  })
}

/** RFC 8693 §2.2.1: what is not an access token has this type. Bearer tokens are the library's own. */
const NOT_USED = { n_a: () => {} }

function parties({ server, client }: Asking) {
  return { server: server as oauth.AuthorizationServer, client: { client_id: client.id } }
}

async function tokensFrom(ask: () => Promise<oauth.TokenEndpointResponse>): Promise<Outcome<Tokens>> {
  try {
    const { access_token: access, expires_in: seconds, refresh_token: refresh, scope } = await ask()
    return good({
      access,
      ...(seconds === undefined ? {} : { expiresIn: seconds }),
      ...(refresh === undefined ? {} : { refresh }),
      ...(scope === undefined ? {} : { scopes: scopesOf(scope) }),
    })
  } catch (error) {
    return failure(error, 'connect.token')
  }
}

function authenticationOf({ client, assertion }: Asking): oauth.ClientAuth {
  const { auth, secret = '' } = client
  switch (auth) {
    case 'client_secret_basic':
      return basic(secret)
    case 'client_secret_post':
      return oauth.ClientSecretPost(secret)
    case 'private_key_jwt':
      return signed(assertion)
    case 'none':
      return oauth.None()
  }
}

/**
 * RFC 6749 §2.3.1: form-encoded, as URLs' own encoding does it. The library also escapes what needs no escape, such as a hyphen, and many
 * servers take that for another id.
 */
function basic(secret: string): oauth.ClientAuth {
  return (_server, client, _body, headers) => {
    const words = [client.client_id, secret].map((word) =>
      new URLSearchParams([['', word]]).toString().slice(1),
    )
    headers.set('authorization', `Basic ${Buffer.from(words.join(':')).toString('base64')}`)
  }
}

/** RFC 7523 §2.2, signed by a key of ours that the library never sees. */
function signed(assertion: Asking['assertion']): oauth.ClientAuth {
  return (server, client, body) => {
    body.set('client_id', client.client_id)
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    body.set('client_assertion', assertion?.(server.issuer) ?? '')
  }
}
