import * as oauth from 'oauth4webapi'

/** What a resource server says with a 401 or 403 (RFC 6750 §3, RFC 9728 §5.1). */
export type Challenge = {
  /** Where its metadata is. */
  readonly metadata?: string
  /** The scopes that this request needs; they are authoritative. */
  readonly scope?: readonly string[]
  readonly error?: string
}

const MOST_HEADER = 4096
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/
const MOST_SCOPES = 50

/** The first Bearer challenge of a `WWW-Authenticate` field; undefined when there is none. */
export async function bearerChallenge(header: string | undefined): Promise<Challenge | undefined> {
  if (header === undefined || header.length > MOST_HEADER) return undefined
  const found = (await challengesIn(header)).find(({ scheme }) => scheme.toLowerCase() === 'bearer')
  if (found === undefined) return undefined
  const { resource_metadata: metadata, scope, error } = found.parameters
  return {
    ...(metadata === undefined ? {} : { metadata }),
    ...(scope === undefined ? {} : { scope: scopesOf(scope) }),
    ...(error === undefined ? {} : { error }),
  }
}

/** Words of a scope (RFC 6749 §3.3), each once; what is not one is left out. */
export function scopesOf(text: string): readonly string[] {
  return [...new Set(text.split(' ').filter((word) => SCOPE.test(word)))].slice(0, MOST_SCOPES)
}

/** The library reads this field only as part of an answer, so it is given one. */
async function challengesIn(header: string): Promise<readonly oauth.WWWAuthenticateChallenge[]> {
  try {
    const headers = new Headers()
    headers.set('www-authenticate', header)
    await oauth.processRevocationResponse(new Response(null, { status: 401, headers }))
  } catch (error) {
    if (error instanceof oauth.WWWAuthenticateChallengeError) return error.cause
  }
  return []
}
