import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseJws, signatureHolds, signJws } from './jws.ts'
import { candidates, importJwks, keySetOf } from './key-set.ts'
import { importPublicJwk, type PinnedKey } from './public-key.ts'
import { reasonOf } from './refusals.fixture.ts'
import { newSigningKey } from './signing-key.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const rsaJwk = rsa.publicKey.export({ format: 'jwk' })
const ec = newSigningKey().jwk
const edwards = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
const onCurve = (namedCurve: string) =>
  generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'jwk' })

/** A number of so many bits, in the spelling of `n`: nobody has its factors, and nobody needs them to read it. */
function modulusOf(bits: number): string {
  const number = (1n << BigInt(bits)) - 1n
  const hex = number.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url')
}

const reason = (jwks: unknown): string => reasonOf(importJwks(jwks))

/** A key set of as many keys as are named, each of its own kid. */
function setOf(count: number) {
  const read = importJwks({ keys: Array.from({ length: count }, () => newSigningKey().jwk) })
  if (!read.ok) throw new Error(read.error.reason)
  return read.value
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
    expect(reason({ keys: { 0: ec } })).toBe('keys.malformed')
  })

  it('may be as large as a hundred keys', () => {
    expect(setOf(100).byKid.size).toBe(100)
  })

  it('hold keys for one use: those of workloads only where they are asked for, and then no others', () => {
    const workload = { ...newSigningKey().jwk, use: 'jwt-svid' }
    const unsaid = { ...newSigningKey().jwk, use: undefined }
    const kids = (use?: 'sig' | 'jwt-svid') => {
      const read = importJwks({ keys: [ec, workload, unsaid] }, use)
      return read.ok ? [...read.value.byKid.keys()] : read.error.reason
    }
    expect(kids()).toEqual([ec.kid, unsaid.kid])
    expect(kids('sig')).toEqual([ec.kid, unsaid.kid])
    expect(kids('jwt-svid')).toEqual([workload.kid])
  })

  it('take a kid that is no text for none, however often it comes', () => {
    const numbered = () => ({ ...newSigningKey().jwk, kid: 5 })
    const read = importJwks({ keys: [numbered(), numbered()] })
    expect(read.ok && [read.value.byKid.size, read.value.withoutKid.length]).toEqual([0, 2])
    expect(read.ok && read.value.withoutKid.every((key) => !('kid' in key))).toBe(true)
  })

  it('can be put together from keys that are read already', () => {
    const keys = [ec, { ...newSigningKey().jwk, kid: undefined }].map((jwk) => {
      const read = importPublicJwk(jwk)
      return read.ok ? [read.value] : []
    })
    const set = keySetOf(keys.flat())
    expect([...set.byKid.keys()]).toEqual([ec.kid])
    expect(set.withoutKid).toEqual(keys[1])
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
    expect(candidates(setOf(4), undefined, 'ES256')).toHaveLength(4)
    expect(candidates(setOf(5), undefined, 'ES256')).toEqual([])
  })

  it('find only keys of the algorithm of the token', () => {
    const read = importJwks({ keys: [ec, { ...rsaJwk, kid: 'r' }, { ...rsaJwk }] })
    if (!read.ok) throw new Error(read.error.reason)
    const algs = (kid: string | undefined, alg: 'ES256' | 'RS256') =>
      candidates(read.value, kid, alg).map((key: PinnedKey) => [key.kid, key.alg])
    expect(algs(undefined, 'ES256')).toEqual([[ec.kid, 'ES256']])
    expect(algs(undefined, 'RS256')).toEqual([
      ['r', 'RS256'],
      [undefined, 'RS256'],
    ])
    expect(algs('unknown', 'ES256')).toEqual([])
    expect(algs('r', 'ES256')).toEqual([])
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
    const algs = [rsaJwk, ...['P-256', 'P-384', 'P-521'].map(onCurve), edwards].map((jwk) => {
      const read = importPublicJwk(jwk)
      return read.ok ? read.value.alg : read.error.reason
    })
    expect(algs).toEqual(['RS256', 'ES256', 'ES384', 'ES512', 'Ed25519'])
  })

  it('that show any private or symmetric part are burnt', () => {
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])
      expect([member, reasonOf(importPublicJwk({ ...rsaJwk, [member]: 'AQAB' }))]).toEqual([
        member,
        'key.private',
      ])
    expect(reasonOf(importPublicJwk({ kty: 'oct' }))).toBe('key.private')
  })

  it.each([
    ['no object', 'key', 'key.malformed'],
    ['nothing', null, 'key.malformed'],
    ['a list', [ec], 'key.malformed'],
    ['an exponent of one', { ...rsaJwk, e: 'AQ' }, 'key.weak'],
    ['an even exponent', { ...rsaJwk, e: 'BA' }, 'key.weak'],
    ['an RSA key of 8193 bits', { ...rsaJwk, n: modulusOf(8193) }, 'key.weak'],
    ['an RSA key of 2047 bits', { ...rsaJwk, n: modulusOf(2047) }, 'key.weak'],
    ['an RSA key that says it is on a curve', { ...rsaJwk, crv: 'P-256', alg: 'ES256' }, 'key.algorithm'],
    ['a key on a curve for RSA', { ...ec, alg: 'RS256' }, 'key.algorithm'],
    ['a key on another curve than its algorithm has', { ...onCurve('P-384'), alg: 'ES256' }, 'key.algorithm'],
    ['a key on a curve that signs nothing', { kty: 'OKP', crv: 'X25519', x: edwards.x }, 'key.algorithm'],
    ['a key of a kind that is not known', { ...ec, kty: 'EC2' }, 'key.algorithm'],
    ['for encryption', { ...ec, use: 'enc' }, 'key.use'],
    ['operations that are no list', { ...ec, key_ops: 'verify' }, 'key.use'],
    ['a point off its curve', { ...ec, x: ec.y }, 'key.malformed'],
    ['an algorithm of another kind', { ...rsaJwk, alg: 'ES256' }, 'key.algorithm'],
    ['an HMAC key', { kty: 'oct', k: 'AAAA', alg: 'HS256' }, 'key.private'],
    ['for encryption only', { ...ec, key_ops: ['encrypt'] }, 'key.use'],
  ])('are refused: %s', (_name, jwk, expected) => {
    expect(reasonOf(importPublicJwk(jwk))).toBe(expected)
  })

  it.each([
    ['an RSA key with the smallest sound exponent', { ...rsaJwk, e: 'Aw' }],
    ['an RSA key of 8192 bits', { ...rsaJwk, n: modulusOf(8192) }],
    ['an RSA key of 2048 bits', { ...rsaJwk, n: modulusOf(2048) }],
    ['an RSA key for PS256', { ...rsaJwk, alg: 'PS256' }],
    ['for workloads', { ...ec, use: 'jwt-svid' }],
    ['that may verify among other things', { ...ec, key_ops: ['encrypt', 'verify'] }],
    ['without a use', { ...ec, use: undefined }],
  ])('are taken: %s', (_name, jwk) => {
    expect(reasonOf(importPublicJwk(jwk))).toBe('ok')
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
