import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseJws, signatureHolds, signJws } from './jws.ts'
import { importPublicJwk } from './public-key.ts'
import { exportSigningKey, importSigningKey, newSigningKey } from './signing-key.ts'

const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()

describe('a signing key', () => {
  it('is the same after it was written down and read again', () => {
    const made = newSigningKey()
    const text = exportSigningKey(made)
    expect(text).toMatch(/^-----BEGIN PRIVATE KEY-----\n[\s\S]+\n-----END PRIVATE KEY-----\n$/)
    const read = importSigningKey(text)
    expect(read.jwk).toEqual(made.jwk)
    expect(read.kid).toBe(made.kid)
    const jws = parseJws(signJws('{"alg":"ES256"}', '{}', read.key, 'ES256'))
    const published = importPublicJwk(made.jwk)
    expect(jws.ok && published.ok && signatureHolds(jws.value, published.value)).toBe(true)
  })

  it('publishes its public half alone, under its own thumbprint', () => {
    const { jwk, kid } = newSigningKey()
    expect(Object.keys(jwk).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
    expect({ ...jwk, x: '', y: '' }).toEqual({
      kty: 'EC',
      crv: 'P-256',
      x: '',
      y: '',
      kid,
      alg: 'ES256',
      use: 'sig',
    })
    const read = importPublicJwk(jwk)
    expect(read.ok && read.value.thumbprint).toBe(kid)
    expect(newSigningKey().kid).not.toBe(kid)
  })

  it.each([
    ['of another curve', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    [
      'of a curve that no JWK has a use for',
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey,
    ],
    ['for RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
    ['for Ed25519', generateKeyPairSync('ed25519').privateKey],
  ])('is not one %s', (_name, key) => {
    expect(() => importSigningKey(pem(key))).toThrow('a signing key must be a P-256 private key')
  })
})
