import { generateKeyPairSync } from 'node:crypto'
import { CompactSign, exportJWK, importJWK, jwtVerify, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { type JwtRules, signJwt, verifyJwt } from './jwt.ts'
import { importJwks, keySetOf } from './key-set.ts'
import { importPublicJwk } from './public-key.ts'
import { newSigningKey } from './signing-key.ts'

const NOW = 1_800_000_000
const ours = newSigningKey()
const imported = importPublicJwk(ours.jwk)
if (!imported.ok) throw new Error(imported.error.reason)
const keys = keySetOf([imported.value])
const rules: JwtRules = {
  keys,
  algorithms: ['ES256'],
  typ: 'at+jwt',
  issuer: 'https://issuer.example',
  audience: 'https://us.example',
  now: NOW,
}
const claims = { iss: 'https://issuer.example', aud: 'https://us.example', sub: 's', iat: NOW, exp: NOW + 60 }
const signer = { key: ours.key, kid: ours.kid, typ: 'at+jwt' }
const token = (change: Record<string, unknown> = {}) => signJwt({ ...claims, ...change }, signer)

function reason(compact: string, change: Partial<JwtRules> = {}): string {
  const result = verifyJwt(compact, { ...rules, ...change })
  return result.ok ? 'ok' : result.error.reason
}

/** A token with a header and a payload as they are written, signed with our key. */
async function raw(header: Record<string, unknown>, payload: string | Uint8Array): Promise<string> {
  const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload
  return new CompactSign(bytes)
    .setProtectedHeader({ alg: 'ES256', kid: ours.kid, typ: 'at+jwt', ...header })
    .sign(ours.key)
}

describe('the door for JWTs', () => {
  it('takes a token of our own and gives its claims and its key', () => {
    const result = verifyJwt(token(), rules)
    expect(result.ok && result.value.claims.sub).toBe('s')
    expect(result.ok && result.value.key.thumbprint).toBe(ours.kid)
  })

  it('agrees with another implementation, both ways', async () => {
    await expect(
      jwtVerify(token(), await importJWK(ours.jwk), { currentDate: new Date(NOW * 1000) }),
    ).resolves.toBeTruthy()
    const theirs = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: ours.kid, typ: 'application/AT+JWT' })
      .sign(ours.key)
    expect(reason(theirs)).toBe('ok')
  })

  it.each(['RS256', 'PS256', 'Ed25519', 'ES384'] as const)('verifies %s signatures', async (alg) => {
    const pair =
      alg === 'Ed25519'
        ? generateKeyPairSync('ed25519')
        : alg === 'ES384'
          ? generateKeyPairSync('ec', { namedCurve: 'P-384' })
          : generateKeyPairSync('rsa', { modulusLength: 2048 })
    const read = importJwks({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k', alg }] })
    if (!read.ok) throw new Error(read.error.reason)
    const signed = await new SignJWT(claims)
      .setProtectedHeader({ alg, kid: 'k', typ: 'at+jwt' })
      .sign(pair.privateKey)
    expect(reason(signed, { keys: read.value, algorithms: [alg] })).toBe('ok')
    expect(reason(signed, { keys: read.value, algorithms: ['ES512'] })).toBe('jwt.alg')
  })
})

describe('another spelling of a good token is refused', () => {
  const good = token()
  const [head = '', body = '', signature = ''] = good.split('.')
  const last = signature.slice(-1)
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const otherBits = alphabet.charAt(alphabet.indexOf(last) ^ 1)
  it.each([
    ['a space in a part', `${head}.${body.slice(0, 4)} ${body.slice(4)}.${signature}`],
    ['a newline at the end', `${good}\n`],
    ['a newline in front', `\n${good}`],
    ['padding', `${good}==`],
    ['other unused bits in the last character', `${head}.${body}.${signature.slice(0, -1)}${otherBits}`],
    ['the alphabet of plain base64', `${good.replaceAll('-', '+').replaceAll('_', '/')}+`],
    ['a fourth part', `${good}.AA`],
    ['no signature', `${head}.${body}.`],
    ['a NUL', `${good}\0`],
    ['nothing', ''],
    ['dots', '..'],
  ])('%s', (_name, spelled) => {
    expect(reason(spelled)).toBe('jwt.malformed')
  })

  it('has a bounded length', () => {
    expect(reason(`${good}${'A'.repeat(16_384)}`)).toBe('jwt.too_long')
  })
})

describe('the header decides nothing that the rules do not allow', () => {
  it.each([
    ['crit', { crit: ['b64'], b64: true }, 'jwt.crit'],
    ['zip', { zip: 'DEF' }, 'jwt.crit'],
    ['another type', { typ: 'logout+jwt' }, 'jwt.typ'],
    ['another kid', { kid: 'x' }, 'jwt.key_unknown'],
    ['a path as kid', { kid: '../../dev/null' }, 'jwt.key_unknown'],
    [
      'an embedded key, which is ignored',
      { jwk: newSigningKey().jwk, jku: 'https://evil.example/jwks' },
      'ok',
    ],
  ])('%s', async (_name, header, expected) => {
    const made = await raw(header, JSON.stringify(claims))
    expect(reason(made)).toBe(expected)
  })

  it('refuses a missing type unless the kind never has one', async () => {
    const made = await raw({ typ: undefined }, JSON.stringify(claims))
    expect(reason(made)).toBe('jwt.typ')
    expect(reason(made, { typOptional: true })).toBe('ok')
  })

  it.each(['none', 'None', 'HS256', 'es256', 'RS257', '', null, 5])('refuses the algorithm %j', (alg) => {
    const header = Buffer.from(JSON.stringify({ alg, typ: 'at+jwt', kid: ours.kid })).toString('base64url')
    expect(reason(token().replace(/^[^.]+/, header))).toBe('jwt.alg')
  })

  it('refuses a repeated member in the header', () => {
    const text = `{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"${ours.kid}"}`
    expect(reason(token().replace(/^[^.]+/, Buffer.from(text).toString('base64url')))).toBe('jwt.malformed')
  })

  it('pins each key to its algorithm: a key for ES256 verifies nothing else', () => {
    const header = Buffer.from(JSON.stringify({ alg: 'RS256', typ: 'at+jwt', kid: ours.kid })).toString(
      'base64url',
    )
    expect(reason(token().replace(/^[^.]+/, header), { algorithms: ['ES256', 'RS256'] })).toBe(
      'jwt.key_unknown',
    )
  })

  it('refuses a signature by another key', () => {
    expect(reason(signJwt(claims, { ...signer, key: newSigningKey().key }))).toBe('jwt.signature')
  })
})

describe('claims', () => {
  it.each([
    ['no end', { exp: undefined }, 'jwt.claims'],
    ['an end as text', { exp: String(NOW + 60) }, 'jwt.claims'],
    ['an end that is no whole number', { exp: NOW + 0.5 }, 'jwt.claims'],
    ['a start as text', { nbf: 'now' }, 'jwt.claims'],
    ['a subject that is a number', { sub: 7 }, 'jwt.claims'],
    ['expired', { exp: NOW - 5 }, 'jwt.expired'],
    ['within the leeway after the end', { exp: NOW - 4 }, 'ok'],
    ['not yet', { nbf: NOW + 6 }, 'jwt.not_yet'],
    ['from the future', { iat: NOW + 6 }, 'jwt.future'],
    ['another issuer', { iss: 'https://issuer.example/' }, 'jwt.issuer'],
    ['no issuer', { iss: undefined }, 'jwt.issuer'],
    ['another audience', { aud: 'https://us.example/' }, 'jwt.audience'],
    ['no audience', { aud: undefined }, 'jwt.audience'],
    ['an empty audience list', { aud: [] }, 'jwt.claims'],
    ['our audience among others', { aud: ['https://us.example', 'https://b.example'] }, 'ok'],
  ])('%s', (_name, change, expected) => {
    expect(reason(token(change))).toBe(expected)
  })

  it('can demand to be the only audience', () => {
    const shared = token({ aud: ['https://us.example', 'https://b.example'] })
    expect(reason(shared, { soleAudience: true })).toBe('jwt.audience')
    expect(reason(token(), { soleAudience: true })).toBe('ok')
  })

  it('can bound the age and the life', () => {
    expect(reason(token({ iat: NOW - 106 }), { maxAge: 100 })).toBe('jwt.too_old')
    expect(reason(token({ exp: NOW + 301 }), { maxLife: 300 })).toBe('jwt.life')
    expect(reason(token({ iat: undefined }), { maxLife: 300 })).toBe('jwt.claims')
  })

  it.each([
    ['a repeated member', '{"sub":"a","sub":"b","exp":1900000000}'],
    ['a repeated member deep inside', '{"exp":1900000000,"a":{"b":1,"b":2}}'],
    ['an escaped repetition', '{"exp":1900000000,"a":1,"\\u0061":2}'],
    ['a list', '[]'],
    ['text', '"x"'],
    ['a lone surrogate', '{"exp":1900000000,"sub":"\\ud800"}'],
    ['a NUL', '{"exp":1900000000,"sub":"a\\u0000b"}'],
    ['too deep', `{"exp":1900000000,"a":${'['.repeat(60)}${']'.repeat(60)}}`],
  ])('must be an object with unique members: %s', async (_name, payload) => {
    expect(reason(await raw({}, payload), { issuer: null, audience: null })).toBe('jwt.malformed')
  })

  it('must be UTF-8', async () => {
    const made = await raw({}, Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))
    expect(reason(made, { issuer: null, audience: null })).toBe('jwt.malformed')
  })

  it('takes colons and quotes inside strings for what they are', async () => {
    const payload = '{"exp":1900000000,"a:b":"c:\\"d\\\\","__proto__":{"x":1}}'
    expect(reason(await raw({}, payload), { issuer: null, audience: null })).toBe('ok')
  })
})
