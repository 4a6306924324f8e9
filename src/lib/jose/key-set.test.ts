import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseJws, signatureHolds, signJws } from './jws.ts'
import { candidates, importJwks } from './key-set.ts'
import { importPublicJwk } from './public-key.ts'
import { newSigningKey } from './signing-key.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const rsaJwk = rsa.publicKey.export({ format: 'jwk' })
const ec = newSigningKey().jwk

function reason(jwks: unknown): string {
  const read = importJwks(jwks)
  return read.ok ? 'ok' : read.error.reason
}

describe('key sets', () => {
  it('are refused whole when they give one kid to two keys, show private ones, or are none', () => {
    expect(reason({ keys: [ec, { ...newSigningKey().jwk, kid: ec.kid }] })).toBe('keys.duplicate')
    expect(reason({ keys: [ec, { ...rsa.privateKey.export({ format: 'jwk' }), kid: 'r' }] })).toBe(
      'keys.private',
    )
    expect(reason({ keys: [ec, { kty: 'oct', kid: 'h', k: 'AAAA' }] })).toBe('keys.private')
    expect(reason({ keys: Array(101).fill(ec) })).toBe('keys.malformed')
    expect(reason({ keys: [null] })).toBe('keys.malformed')
    expect(reason([])).toBe('keys.malformed')
  })

  it('leave out what is not for signatures, or not known', () => {
    const read = importJwks({
      keys: [
        { ...ec, use: 'enc' },
        { kty: 'AKP', alg: 'ML-DSA-44', kid: 'q' },
      ],
    })
    expect(read.ok && read.value.byKid.size).toBe(0)
  })

  it('find the named key, else those without a name, and never many', () => {
    const nameless = { ...newSigningKey().jwk, kid: undefined }
    const read = importJwks({ keys: [ec, nameless] })
    if (!read.ok) throw new Error(read.error.reason)
    expect(candidates(read.value, ec.kid, 'ES256')).toHaveLength(1)
    expect(candidates(read.value, ec.kid, 'ES384')).toHaveLength(0)
    expect(candidates(read.value, 'unknown', 'ES256')).toHaveLength(1)
    expect(candidates(read.value, undefined, 'ES256')).toHaveLength(2)
    const many = importJwks({ keys: Array.from({ length: 5 }, () => newSigningKey().jwk) })
    expect(many.ok && candidates(many.value, undefined, 'ES256')).toEqual([])
  })
})

describe('public keys', () => {
  it('are pinned: a header that names another algorithm is refused though the signature fits the key', () => {
    const pinned = importPublicJwk({ ...rsaJwk, alg: 'PS256' })
    const honest = parseJws(signJws('{"alg":"PS256"}', '{}', rsa.privateKey, 'PS256'))
    const lying = parseJws(signJws('{"alg":"RS256"}', '{}', rsa.privateKey, 'PS256'))
    if (!pinned.ok || !honest.ok || !lying.ok) throw new Error('not read')
    expect(signatureHolds(honest.value, pinned.value)).toBe(true)
    expect(signatureHolds(lying.value, pinned.value)).toBe(false)
  })

  it('without alg are of their curve, or RS256', () => {
    const algs = [rsaJwk, { ...ec, alg: undefined }].map((jwk) => {
      const read = importPublicJwk(jwk)
      return read.ok ? read.value.alg : read.error.reason
    })
    expect(algs).toEqual(['RS256', 'ES256'])
  })

  it.each([
    ['an exponent of one', { ...rsaJwk, e: 'AQ' }, 'key.weak'],
    ['an even exponent', { ...rsaJwk, e: 'Ag' }, 'key.weak'],
    ['a point off its curve', { ...ec, x: ec.y }, 'key.malformed'],
    ['an algorithm of another kind', { ...rsaJwk, alg: 'ES256' }, 'key.algorithm'],
    ['an HMAC key', { kty: 'oct', k: 'AAAA', alg: 'HS256' }, 'key.private'],
    ['for encryption only', { ...ec, key_ops: ['encrypt'] }, 'key.use'],
  ])('are refused: %s', (_name, jwk, expected) => {
    const read = importPublicJwk(jwk)
    expect(read.ok ? 'ok' : read.error.reason).toBe(expected)
  })

  it('have the thumbprint of RFC 7638 §3.1', () => {
    const read = importPublicJwk({
      kty: 'RSA',
      n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
      e: 'AQAB',
      alg: 'RS256',
    })
    expect(read.ok && read.value.thumbprint).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
  })
})
