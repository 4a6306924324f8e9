import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { type EpochSeconds, toSeconds } from '../../core/time.ts'
import { IDP_ALGORITHMS } from '../../flows/verify-user-token.ts'
import type { DoorRequest } from '../../lib/http/route.ts'
import { parseJws, type UnverifiedJws } from '../../lib/jose/jws.ts'
import { signJwt, verifyJwt } from '../../lib/jose/jwt.ts'
import { keySetOf } from '../../lib/jose/key-set.ts'
import { importPublicJwk } from '../../lib/jose/public-key.ts'
import type { AdminPorts } from './ports.ts'

/** Who administrates: `local` over the socket, else the `sub` at the company's issuer. Named in the audit. */
export type Admin = { readonly name: string }

const TYP = 'admin+jwt'
/** Seconds. Long enough for a session of typing; the socket gives the next one. */
const LIFE = 900

/** A token for whoever could open the socket in the 0700 folder. */
export function issueAdminToken(ports: AdminPorts): {
  readonly token: string
  readonly expires: EpochSeconds
} {
  const iat = toSeconds(ports.now())
  const expires = (iat + LIFE) as EpochSeconds
  const audience = audienceOf(ports)
  const claims = { iss: audience, aud: audience, sub: 'local', iat, exp: expires, jti: ports.newId('token') }
  const { key, kid } = ports.adminKey
  return { token: signJwt(claims, { key, kid, typ: TYP }), expires }
}

function audienceOf(ports: AdminPorts): string {
  return `${ports.origin}/admin`
}

const NO_TOKEN = refuse(
  'unauthenticated',
  'admin.no_token',
  'An administrator must prove who they are: Bearer token.',
)
const BAD_TOKEN = refuse(
  'unauthenticated',
  'admin.token_invalid',
  'The administrator token is not valid here, or not any more.',
)
const NOT_LISTED = refuse(
  'denied',
  'admin.not_listed',
  'You are signed in, but not listed as an administrator.',
)

/** The administrator behind a request. Refuses `admin.no_token`, `admin.token_invalid`, `admin.not_listed`. */
export async function authenticateAdmin(
  request: DoorRequest,
  ports: AdminPorts,
): Promise<Result<Admin, Refusal>> {
  const given = request.headers['authorization'] ?? []
  const token = given.length === 1 ? /^Bearer ([\w.-]+)$/i.exec(given[0] ?? '')?.[1] : undefined
  if (token === undefined) return err(NO_TOKEN)
  const jws = parseJws(token)
  if (!jws.ok) return err(BAD_TOKEN)
  return jws.value.header.typ === TYP ? ownToken(jws.value, ports) : issuedToken(jws.value, ports)
}

function ownToken(jws: UnverifiedJws, ports: AdminPorts): Result<Admin, Refusal> {
  const key = importPublicJwk({ ...ports.adminKey.jwk })
  if (!key.ok) return err(BAD_TOKEN)
  const audience = audienceOf(ports)
  const verified = verifyJwt(jws, {
    keys: keySetOf([key.value]),
    algorithms: ['ES256'],
    typ: TYP,
    issuer: audience,
    audience,
    soleAudience: true,
    now: toSeconds(ports.now()),
    leeway: 0,
    maxLife: LIFE,
  })
  return verified.ok && verified.value.claims.sub ? ok({ name: verified.value.claims.sub }) : err(BAD_TOKEN)
}

/** An ID token or access token of the configured issuer, for the configured audience, of a listed subject. */
async function issuedToken(jws: UnverifiedJws, ports: AdminPorts): Promise<Result<Admin, Refusal>> {
  const { admins } = ports
  if (!admins) return err(BAD_TOKEN)
  const now = toSeconds(ports.now())
  const keys = await admins.keys.find(jws.kid, now)
  if (!keys.ok) return err(BAD_TOKEN)
  const verified = verifyJwt(jws, {
    keys: keys.value,
    algorithms: IDP_ALGORITHMS,
    typ: ['JWT', 'at+jwt'],
    typOptional: true,
    issuer: admins.issuer,
    audience: admins.audience,
    now,
  })
  // A logout token may look the same and mean the opposite (Back-Channel Logout 1.0 §2.4).
  if (!verified.ok || verified.value.claims['events'] !== undefined) return err(BAD_TOKEN)
  const { sub } = verified.value.claims
  if (sub === undefined) return err(BAD_TOKEN)
  return admins.subjects.includes(sub) ? ok({ name: sub }) : err(NOT_LISTED)
}
