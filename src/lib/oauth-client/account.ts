import { bad, good, type Outcome } from '../outcome.ts'
import { isJsonObject, parseStrictJsonText } from '../strict-json.ts'
import type { AuthorizationServer } from './discover.ts'
import type { OurClient } from './register.ts'
import type { Tokens } from './tokens.ts'

/** What one authorization left, with all that is needed to use it again: kept as JSON, and secret as a whole. */
export type Account = {
  readonly server: AuthorizationServer
  readonly client: OurClient
  /** RFC 8707. */
  readonly resource: string
  readonly access: string
  /** Epoch seconds; absent: nobody said. */
  readonly expires?: number
  readonly refresh?: string
  readonly scopes: readonly string[]
}

/** The account after its tokens were given, first or anew; scopes that the server doesn't name are those that were asked for. */
export function withTokens(
  account: Pick<Account, 'server' | 'client' | 'resource' | 'scopes'>,
  tokens: Tokens,
  now: number,
): Account {
  const { server, client, resource, scopes } = account
  return {
    server,
    client,
    resource,
    scopes: tokens.scopes ?? scopes,
    access: tokens.access,
    ...(tokens.expiresIn === undefined ? {} : { expires: now + tokens.expiresIn }),
    ...(tokens.refresh === undefined ? {} : { refresh: tokens.refresh }),
  }
}

/** Reads one back. What opened was sealed by us, so only a row of another version can fail. */
export function readAccount(text: string): Outcome<Account> {
  const value = parseStrictJsonText(text)
  const whole = isJsonObject(value) && isJsonObject(value['server']) && typeof value['access'] === 'string'
  return whole ? good(value as unknown as Account) : NOT_ONE
}

const NOT_ONE = bad('denied', 'sealing.broken', 'What is kept here is no account. It must be connected anew.')
