import { createRemoteJWKSet, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'

/** For whom a request reads: which tenant's rows, and which customer's, if any. */
export type Reader = { readonly tenant: string; readonly customer: string | undefined }

/** `iss` → that issuer's keys. Only issuers of the list are ever asked. */
function keysOf(issuers: readonly string[]): ReadonlyMap<string, JWTVerifyGetKey> {
  return new Map(
    issuers.map((issuer) => [
      issuer,
      createRemoteJWKSet(new URL(`${issuer}/jwks.json`), { cooldownDuration: 1000 }),
    ]),
  )
}

function issuerOf(token: string): string {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as JWTPayload
  return claims.iss ?? ''
}

/**
 * Checks what came as a bearer: an access token (RFC 9068) of a listed issuer, for this server alone. The tenant is the issuer's,
 * never an argument. Answers undefined when it is not good.
 */
export function tokenReader(issuers: readonly string[], audience: () => string) {
  const keys = keysOf(issuers)
  return async (authorization: string | undefined): Promise<Reader | undefined> => {
    const token = /^Bearer ([\w.-]+)$/.exec(authorization ?? '')?.[1]
    if (token === undefined) return undefined
    try {
      const issuer = issuerOf(token)
      const known = keys.get(issuer)
      if (!known) return undefined
      const rules = { issuer, audience: audience(), typ: 'at+jwt', algorithms: ['ES256'] }
      const { payload } = await jwtVerify<{ ctx?: { customer_id?: unknown } }>(token, known, rules)
      const customer = payload.ctx?.customer_id
      return {
        tenant: new URL(issuer).pathname.split('/').at(-1) ?? '',
        customer: typeof customer === 'string' ? customer : undefined,
      }
    } catch {
      return undefined
    }
  }
}
