import { randomUUID } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** What an assertion says otherwise than it should. */
export type Bent = {
  readonly iss?: string
  readonly sub?: string
  readonly aud?: string | string[]
  readonly jti?: string
  readonly life?: number
  readonly typ?: string
}

/** A client's own key pair, and the parameters by which it proves itself (RFC 7523 §2.2). */
export type ClientKey = {
  readonly jwks: { readonly keys: readonly JWK[] }
  readonly privateKey: CryptoKey
  readonly proof: (clientId: string, issuer: string, bent?: Bent) => Promise<Readonly<Record<string, string>>>
}

export async function newClientKey(): Promise<ClientKey> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const kid = randomUUID()
  const sign = (clientId: string, issuer: string, bent: Bent) =>
    new SignJWT({})
      .setProtectedHeader({ alg: 'ES256', kid, typ: bent.typ ?? 'client-authentication+jwt' })
      .setIssuer(bent.iss ?? clientId)
      .setSubject(bent.sub ?? clientId)
      .setAudience(bent.aud ?? issuer)
      .setJti(bent.jti ?? randomUUID())
      .setIssuedAt()
      .setExpirationTime(Math.floor(Date.now() / 1000) + (bent.life ?? 60))
      .sign(privateKey)
  return {
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'ES256' }] },
    privateKey,
    proof: async (clientId, issuer, bent = {}) => ({
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await sign(clientId, issuer, bent),
    }),
  }
}
