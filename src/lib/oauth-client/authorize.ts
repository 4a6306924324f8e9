import * as oauth from 'oauth4webapi'
import { good, type Outcome } from '../outcome.ts'
import type { AuthorizationServer, Protected } from './discover.ts'
import { problem } from './problem.ts'

/** One authorization's secrets: whoever comes back must come back with these. */
export type AuthorizationKeys = { readonly state: string; readonly verifier: string }

export type Authorization = {
  readonly place: Protected
  readonly clientId: string
  readonly redirectUri: string
  readonly scopes: readonly string[]
  readonly keys: AuthorizationKeys
}

/**
 * What to ask for (MCP, scope selection): what a challenge names, else what the resource lists, else nothing. What was asked for
 * before stays in it, so that stepping up loses nothing; `offline_access` is added where the server knows it.
 */
export function scopesToAsk(
  place: Protected,
  wanted: readonly string[] | undefined,
  before: readonly string[] = [],
): readonly string[] {
  const offline = place.server.scopes_supported?.includes(OFFLINE) ? [OFFLINE] : []
  return [...new Set([...before, ...(wanted ?? place.scopes ?? []), ...offline])]
}

const OFFLINE = 'offline_access'

/** The URL to send a person's browser to: PKCE by S256 (RFC 7636) and the resource (RFC 8707), always. */
export async function authorizationUrl(asked: Authorization): Promise<Outcome<string>> {
  const { place, clientId, redirectUri, scopes, keys } = asked
  const endpoint = endpointOf(place.server)
  if (!endpoint) return problem('connect.metadata', 'authorization_endpoint')
  const parameters: Record<string, string> = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    state: keys.state,
    code_challenge: await oauth.calculatePKCECodeChallenge(keys.verifier),
    code_challenge_method: 'S256',
    resource: place.resource,
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
    // OpenID Connect Core 1.0 §11: without it the scope may be ignored.
    ...(scopes.includes(OFFLINE) ? { prompt: 'consent' } : {}),
  }
  for (const [name, value] of Object.entries(parameters)) endpoint.searchParams.set(name, value)
  return good(endpoint.href)
}

function endpointOf({ authorization_endpoint: endpoint }: AuthorizationServer): URL | undefined {
  return (endpoint !== undefined && URL.parse(endpoint)) || undefined
}
