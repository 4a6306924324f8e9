import { generateKeyPairSync, hash } from 'node:crypto'
import { exportJWK, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { type DpopCheck, verifyDpop } from './dpop.ts'
import { createReplayCache } from './dpop-replay.ts'
import { signJws } from './jws.ts'
import { reasonOf } from './refusals.fixture.ts'
import { newSigningKey } from './signing-key.ts'

const NOW = 1_800_000_000
const URL = 'https://gw.example/t/a/mcp/orders'
const client = newSigningKey()
const { kty, crv, x, y } = client.jwk
const jwk = { kty, crv, x, y }

let serial = 0
function proof(claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}): string {
  serial++
  const body = { jti: `proof-${serial}`, htm: 'POST', htu: URL, iat: NOW, ...claims }
  const head = { typ: 'dpop+jwt', alg: 'ES256', jwk, ...header }
  return signJws(JSON.stringify(head), JSON.stringify(body), client.key, 'ES256')
}

function check(change: Partial<DpopCheck> = {}): DpopCheck {
  return { proofs: [proof()], method: 'POST', url: URL, now: NOW, replay: createReplayCache(), ...change }
}

function reason(change: Partial<DpopCheck>): string {
  return reasonOf(verifyDpop(check(change)))
}

describe('DPoP proofs (RFC 9449 §4.3)', () => {
  it('gives the thumbprint of the key and the id of the proof', () => {
    const result = verifyDpop(check({ proofs: [proof({ jti: 'one' })] }))
    expect(result).toEqual({ ok: true, value: { jkt: client.kid, jti: 'one' } })
  })

  it('takes proofs made by another implementation, with Ed25519 and RSA keys', async () => {
    for (const alg of ['Ed25519', 'EdDSA', 'RS256', 'PS256']) {
      const pair = alg.startsWith('Ed')
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('rsa', { modulusLength: 2048 })
      const made = await new SignJWT({ jti: alg, htm: 'POST', htu: URL, iat: NOW })
        .setProtectedHeader({ typ: 'dpop+jwt', alg, jwk: await exportJWK(pair.publicKey) })
        .sign(pair.privateKey)
      expect(reason({ proofs: [made] })).toBe('ok')
    }
  })

  it('wants exactly one header', () => {
    expect(reason({ proofs: [] })).toBe('dpop.missing')
    expect(reason({ proofs: [proof(), proof()] })).toBe('dpop.several')
    expect(reason({ proofs: [`${proof()}, ${proof()}`] })).toBe('dpop.malformed')
    expect(reason({ proofs: [`${proof()}=`] })).toBe('dpop.malformed')
    expect(reason({ proofs: ['A'.repeat(4097)] })).toBe('dpop.malformed')
  })

  it('has a bounded length', () => {
    expect(proofOf(4096)).toHaveLength(4096)
    expect(reason({ proofs: [proofOf(4096)] })).toBe('ok')
    expect(proofOf(4097)).toHaveLength(4097)
    expect(reason({ proofs: [proofOf(4097)] })).toBe('dpop.malformed')
    expect(reason({ proofs: [proof({ jti: 'j'.repeat(256) })] })).toBe('ok')
  })

  it.each([
    ['no jti', { jti: undefined }],
    ['an empty jti', { jti: '' }],
    ['a jti without bound', { jti: 'j'.repeat(257) }],
    ['no method', { htm: undefined }],
    ['no URL', { htu: undefined }],
    ['a time as text', { iat: String(NOW) }],
  ])('needs its claims: %s', (_name, change) => {
    expect(reason({ proofs: [proof(change)] })).toBe('dpop.claims')
  })

  it.each([
    ['another type', { typ: 'JWT' }, 'dpop.typ'],
    ['no type', { typ: undefined }, 'dpop.typ'],
    ['a type that hides the right one', { typ: 'dpop+application/jwt' }, 'dpop.typ'],
    ['the whole media type, in any case', { typ: 'application/DPoP+jwt' }, 'ok'],
    ['no key', { jwk: undefined }, 'dpop.key'],
    ['a private key', { jwk: client.key.export({ format: 'jwk' }) }, 'dpop.private_key'],
    ['a symmetric key', { jwk: { kty: 'oct', k: 'AAAA' } }, 'dpop.private_key'],
    ['a point that is not on the curve', { jwk: { ...jwk, y: x } }, 'dpop.key'],
    ['a key pinned to another algorithm', { jwk: { ...jwk, alg: 'ES384' } }, 'dpop.key'],
    ['another key than the one that signed', { jwk: newSigningKey().jwk }, 'dpop.signature'],
    ['an algorithm that is not accepted', { alg: 'ES384' }, 'dpop.alg'],
    ['no algorithm', { alg: 'none' }, 'dpop.malformed'],
  ])('needs a sound header: %s', (_name, header, expected) => {
    expect(reason({ proofs: [proof({}, header)] })).toBe(expected)
  })

  it('refuses an RSA key that is pinned to another algorithm than the proof was made by', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const made = async (alg: string) =>
      new SignJWT({ jti: alg, htm: 'POST', htu: URL, iat: NOW })
        .setProtectedHeader({ typ: 'dpop+jwt', alg, jwk: { ...(await exportJWK(publicKey)), alg: 'PS256' } })
        .sign(privateKey)
    expect(reason({ proofs: [await made('PS256')] })).toBe('ok')
    expect(reason({ proofs: [await made('RS256')] })).toBe('dpop.key')
  })

  it('refuses a weak RSA key', async () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const header = { alg: 'RS256', jwk: await exportJWK(pair.publicKey) }
    expect(reason({ proofs: [proof({}, header)] })).toBe('dpop.key')
  })

  it('is for one method, whose case matters', () => {
    expect(reason({ proofs: [proof({ htm: 'GET' })] })).toBe('dpop.method')
    expect(reason({ proofs: [proof({ htm: 'post' })] })).toBe('dpop.method')
  })

  it.each([
    ['https://GW.example:443/t/a/mcp/orders', 'ok'],
    ['https://gw.example/t/a/mcp/orders?x=1#y', 'ok'],
    ['https://gw.example/t/%61/mcp/orders', 'ok'],
    ['https://gw.example/t/./a/mcp/orders', 'ok'],
    ['http://gw.example/t/a/mcp/orders', 'dpop.url'],
    ['https://gw.example:8443/t/a/mcp/orders', 'dpop.url'],
    ['https://gw.example/t/b/mcp/orders', 'dpop.url'],
    ['https://gw.example/t/a/mcp/orders/', 'dpop.url'],
    ['https://gw.example/t%2fa/mcp/orders', 'dpop.url'],
    ['https://gw.example@evil.example/t/a/mcp/orders', 'dpop.url'],
    ['https://u:p@gw.example/t/a/mcp/orders', 'dpop.url'],
    ['/t/a/mcp/orders', 'dpop.url'],
  ])('is for one URL: %s is %s', (htu, expected) => {
    expect(reason({ proofs: [proof({ htu })] })).toBe(expected)
  })

  it('is for no URL where there is none to compare', () => {
    expect(reason({ proofs: [proof({ htu: 'not a URL' })], url: 'not a URL either' })).toBe('dpop.url')
    expect(reason({ proofs: [proof({ htu: 'app-one:/x' })], url: 'app-two:/x' })).toBe('dpop.url')
  })

  it('is fresh', () => {
    expect(reason({ proofs: [proof({ iat: NOW - 60 })] })).toBe('ok')
    expect(reason({ proofs: [proof({ iat: NOW - 61 })] })).toBe('dpop.time')
    expect(reason({ proofs: [proof({ iat: NOW + 61 })] })).toBe('dpop.time')
  })

  it('names the access token it goes with', () => {
    const ath = hash('sha256', 'token-1', 'base64url')
    expect(reason({ proofs: [proof({ ath })], accessToken: 'token-1' })).toBe('ok')
    expect(reason({ proofs: [proof({ ath })], accessToken: 'token-2' })).toBe('dpop.token')
    expect(reason({ accessToken: 'token-1' })).toBe('dpop.token')
  })

  it('carries a nonce that we gave out, when we ask for one', () => {
    const nonces = ['n-2', 'n-1']
    expect(reason({ proofs: [proof({ nonce: 'n-1' })], nonces })).toBe('ok')
    expect(reason({ proofs: [proof({ nonce: 'n-0' })], nonces })).toBe('dpop.nonce')
    expect(reason({ nonces })).toBe('dpop.nonce')
  })

  it('works once, however often it is sent, and spelling it anew makes no other', () => {
    const replay = createReplayCache()
    const once = proof()
    expect(reason({ proofs: [once], replay })).toBe('ok')
    expect(reason({ proofs: [once], replay })).toBe('dpop.replayed')
    expect(reason({ proofs: [once], replay, now: NOW + 60 })).toBe('dpop.replayed')
    expect(reason({ proofs: [flipped(once)], replay })).toBe('dpop.replayed')
  })

  it('is one of many: another proof, or another key with the same identifier, is not the one that was seen', () => {
    const replay = createReplayCache()
    const other = newSigningKey()
    const { kid: _kid, alg: _alg, use: _use, ...theirs } = other.jwk
    const header = JSON.stringify({ typ: 'dpop+jwt', alg: 'ES256', jwk: theirs })
    const body = JSON.stringify({ jti: 'one', htm: 'POST', htu: URL, iat: NOW })
    const all = [proof({ jti: 'one' }), proof({ jti: 'two' }), signJws(header, body, other.key, 'ES256')]
    expect(all.map((each) => reason({ proofs: [each], replay }))).toEqual(['ok', 'ok', 'ok'])
  })

  it('is refused when no more can be remembered', () => {
    expect(reason({ replay: createReplayCache(0) })).toBe('dpop.busy')
  })

  it('is not spent by a request that it does not fit', () => {
    const replay = createReplayCache()
    const once = proof()
    expect(reason({ proofs: [once], replay, method: 'GET' })).toBe('dpop.method')
    expect(reason({ proofs: [once], replay })).toBe('ok')
  })
})

describe('the memory of proofs', () => {
  it('forgets what can no longer be used, and refuses rather than forget what can', () => {
    const replay = createReplayCache(2)
    expect(replay.spend('a', 0, 10)).toBe('fresh')
    expect(replay.spend('b', 0, 10)).toBe('fresh')
    expect(replay.spend('c', 5, 15)).toBe('full')
    expect(replay.spend('a', 9, 10)).toBe('seen')
    expect(replay.spend('c', 10, 20)).toBe('fresh')
    expect(replay.size).toBe(1)
  })

  it('takes a key again once it has ended, also while an older one that lives longer holds it back', () => {
    const replay = createReplayCache()
    replay.spend('long', 0, 100)
    replay.spend('short', 0, 10)
    expect(replay.spend('short', 9, 19)).toBe('seen')
    expect(replay.spend('short', 10, 20)).toBe('fresh')
    expect(replay.spend('short', 50, 60)).toBe('fresh')
    expect(replay.size).toBe(2)
  })

  it('clears a few for each that comes, so that none waits for many', () => {
    const replay = createReplayCache()
    for (let at = 0; at < 10; at++) replay.spend(`old-${at}`, 0, 10)
    replay.spend('new', 10, 20)
    expect(replay.size).toBe(7)
    replay.spend('newer', 10, 20)
    expect(replay.size).toBe(4)
  })
})

/** A good proof of exactly that many characters. */
function proofOf(length: number): string {
  for (const more of ['', 'x', 'xx', 'xxx']) {
    const free = length - proof({ pad: '' }, { more }).length
    for (const pad of [
      Math.floor((free * 3) / 4),
      Math.ceil((free * 3) / 4) + 1,
      Math.ceil((free * 3) / 4),
    ]) {
      const made = proof({ pad: 'x'.repeat(Math.max(0, pad)) }, { more })
      if (made.length === length) return made
    }
  }
  throw new Error(`no proof of ${length} characters`)
}

/** The other signature of the same message: ECDSA takes (r, n - s) for (r, s). */
function flipped(compact: string): string {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const [head, body, signature = ''] = compact.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  const s = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
  const other = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')])
  return `${head}.${body}.${other.toString('base64url')}`
}
