import { randomUUID } from 'node:crypto'
import { bad, good, type Outcome } from '../outcome.ts'
import type { ClientAuth, OurClient } from './register.ts'

/** What somebody registered by hand; `secret` is the name of one that is kept elsewhere. */
export type Listed = { readonly id: string; readonly auth: ClientAuth; readonly secret?: string | undefined }

/** What we are at this issuer and no other, with its secret read now; undefined when nobody registered us by hand. */
export async function listedClient(
  clients: Readonly<Record<string, Listed>>,
  issuer: string,
  secretOf: (name: string) => Promise<string | undefined>,
): Promise<Outcome<OurClient | undefined>> {
  const listed = Object.hasOwn(clients, issuer) ? clients[issuer] : undefined
  if (!listed) return good(undefined)
  const { id, auth, secret: name } = listed
  if (auth !== 'client_secret_basic' && auth !== 'client_secret_post') return good({ id, auth })
  const secret = name === undefined ? undefined : await secretOf(name)
  return secret === undefined ? NO_SECRET : good({ id, auth, secret })
}

const NO_SECRET = bad(
  'denied',
  'connect.no_secret',
  'There is no secret of the name that our client at the authorization server has in the settings; its operator must add one.',
)

/** RFC 7523 §3, with the explicit type of rfc7523bis §4. `sign` makes a JWT of that type; `now` in seconds. */
export function clientAssertion(
  client: string,
  now: number,
  sign: (typ: string, claims: Readonly<Record<string, unknown>>) => string,
): (audience: string) => string {
  return (audience) => {
    const claims = { iss: client, sub: client, aud: audience, iat: now, exp: now + 60, jti: randomUUID() }
    return sign('client-authentication+jwt', claims)
  }
}
