import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { thumbprint } from './public-key.ts'

/** The public half as it is published, with its own thumbprint as `kid`. */
export type PublicJwk = {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
  readonly kid: string
  readonly alg: 'ES256'
  readonly use: 'sig'
}

/** An ES256 key of ours. `kid` is the RFC 7638 thumbprint, which is also the `jkt` of DPoP proofs made with it. */
export type SigningKey = { readonly key: KeyObject; readonly kid: string; readonly jwk: PublicJwk }

export function newSigningKey(): SigningKey {
  return signingKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
}

/** From PKCS#8 PEM, as `exportSigningKey` writes it. Throws when it is no P-256 private key. */
export function importSigningKey(pem: string): SigningKey {
  return signingKeyOf(createPrivateKey(pem))
}

/** PKCS#8 PEM: secret. */
export function exportSigningKey(key: SigningKey): string {
  return key.key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function signingKeyOf(key: KeyObject): SigningKey {
  const { kty, crv, x, y } = createPublicKey(key).export({ format: 'jwk' })
  if (kty !== 'EC' || crv !== 'P-256' || !x || !y)
    throw new TypeError('a signing key must be a P-256 private key')
  const kid = thumbprint({ kty, crv, x, y })
  return { key, kid, jwk: { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' } }
}
