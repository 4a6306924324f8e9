import { generateKeyPairSync, sign } from 'node:crypto'
import { CompactSign, exportJWK, importJWK, jwtVerify, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { ALGORITHMS, type Algorithm } from './algorithms.ts'
import { MAX_TOKEN, parseJws, signJws, tokenDigest } from './jws.ts'
import { type JwtRules, signJwt, unverifiedClaims, verifyJwt } from './jwt.ts'
import { importJwks, keySetOf } from './key-set.ts'
import { importPublicJwk } from './public-key.ts'
import { reasonOf } from './refusals.fixture.ts'
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

const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

function pairFor(alg: Algorithm) {
  const namedCurve = CURVES[alg]
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve })
  return alg === 'Ed25519'
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('rsa', { modulusLength: 2048 })
}

/** A token that is good but for the unused bits at the end of one of its parts, over which it is signed. */
function respelled(part: 0 | 1): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  for (let pad = ''; ; pad += 'x') {
    const parts = signJwt({ ...claims, pad }, { ...signer, kid: ours.kid + pad }).split('.')
    const text = parts[part] ?? ''
    if (text.length % 4 === 0) continue
    parts[part] = text.slice(0, -1) + alphabet.charAt(alphabet.indexOf(text.slice(-1)) ^ 1)
    const signed = `${parts[0]}.${parts[1]}`
    return `${signed}.${sign('sha256', Buffer.from(signed), { key: ours.key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
  }
}

function reason(compact: string, change: Partial<JwtRules> = {}): string {
  return reasonOf(verifyJwt(compact, { ...rules, ...change }))
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

  it.each(ALGORITHMS)('verifies %s signatures, made by another implementation and by us', async (alg) => {
    const pair = pairFor(alg)
    const read = importJwks({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k', alg }] })
    if (!read.ok) throw new Error(read.error.reason)
    const theirs = await new SignJWT(claims)
      .setProtectedHeader({ alg, kid: 'k', typ: 'at+jwt' })
      .sign(pair.privateKey)
    const own = signJwt(claims, { key: pair.privateKey, kid: 'k', alg, typ: 'at+jwt' })
    for (const signed of [theirs, own]) {
      expect(reason(signed, { keys: read.value, algorithms: [alg] })).toBe('ok')
      const others = ALGORITHMS.filter((each) => each !== alg)
      expect(reason(signed, { keys: read.value, algorithms: others })).toBe('jwt.alg')
    }
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
    ['other unused bits in the header', respelled(0)],
    ['other unused bits in the payload', respelled(1)],
  ])('%s', (_name, spelled) => {
    expect(reason(spelled)).toBe('jwt.malformed')
  })

  it('so that it is named by what is signed, whichever of its two ECDSA signatures it has', () => {
    const named = (compact: string) => {
      const jws = parseJws(compact)
      return jws.ok ? tokenDigest(jws.value) : jws.error.reason
    }
    expect(named(good)).toMatch(/^[\w-]{43}$/)
    expect(named(`${head}.${body}.${signJwt(claims, signer).split('.')[2]}`)).toBe(named(good))
    expect(named(token({ sub: 'other' }))).not.toBe(named(good))
  })

  it('has a bounded length', () => {
    expect(reason(`${good}${'A'.repeat(16_384)}`)).toBe('jwt.too_long')
    const longest = `${head}.${'A'.repeat(16_384 - head.length - signature.length - 2)}.${signature}`
    expect(longest).toHaveLength(MAX_TOKEN)
    expect(reason(longest)).not.toBe('jwt.too_long')
    expect(reason(`${longest}A`)).toBe('jwt.too_long')
  })
})

describe('the header decides nothing that the rules do not allow', () => {
  it.each([
    ['b64', { b64: true }, 'jwt.crit'],
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

  it.each([
    ['crit', { crit: ['exp'] }, 'jwt.crit'],
    ['a crit of nothing', { crit: [] }, 'jwt.crit'],
    ['a type in another case', { typ: 'AT+JWT' }, 'ok'],
    ['the whole media type', { typ: 'application/at+jwt' }, 'ok'],
    ['a media type of another kind', { typ: 'text/at+jwt' }, 'jwt.typ'],
    ['a media type inside another', { typ: 'atapplication/+jwt' }, 'jwt.typ'],
    ['a type that only begins so', { typ: 'at+jwt2' }, 'jwt.typ'],
    ['a type that is a number', { typ: 5 }, 'jwt.malformed'],
    ['a kid that is a number', { kid: 5 }, 'jwt.malformed'],
    ['the longest kid', { kid: 'k'.repeat(512) }, 'jwt.key_unknown'],
    ['a longer kid', { kid: 'k'.repeat(513) }, 'jwt.malformed'],
  ])('%s', (_name, header, expected) => {
    const head = JSON.stringify({ alg: 'ES256', kid: ours.kid, typ: 'at+jwt', ...header })
    expect(reason(signJws(head, JSON.stringify(claims), ours.key, 'ES256'))).toBe(expected)
  })

  it('says nothing of a kid where there is none', () => {
    const jws = parseJws(signJws('{"alg":"ES256"}', '{}', ours.key, 'ES256'))
    expect(jws.ok && Object.keys(jws.value)).not.toContain('kid')
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
    ['an end before 1970', { exp: -1 }, 'jwt.claims'],
    ['an end in 1970', { exp: 0 }, 'jwt.expired'],
    ['an end beyond whole numbers', { exp: 2 ** 53 }, 'jwt.claims'],
    ['an issue time as text', { iat: String(NOW) }, 'jwt.claims'],
    ['an issuer that is a list', { iss: ['https://issuer.example'] }, 'jwt.claims'],
    ['an identifier that is a number', { jti: 7 }, 'jwt.claims'],
    ['an audience that is a number', { aud: 7 }, 'jwt.claims'],
    ['an audience list with a number', { aud: ['https://us.example', 7] }, 'jwt.claims'],
    ['not yet', { nbf: NOW + 6 }, 'jwt.not_yet'],
    ['within the leeway before the start', { nbf: NOW + 5 }, 'ok'],
    ['good for a while', { nbf: NOW - 1000 }, 'ok'],
    ['from the future', { iat: NOW + 6 }, 'jwt.future'],
    ['from within the leeway', { iat: NOW + 5 }, 'ok'],
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
    expect(reason(token({ iat: NOW - 105 }), { maxAge: 100 })).toBe('ok')
    expect(reason(token({ exp: NOW + 301 }), { maxLife: 300 })).toBe('jwt.life')
    expect(reason(token({ exp: NOW + 300 }), { maxLife: 300 })).toBe('ok')
    expect(reason(token({ exp: NOW + 301 }), { maxAge: 100 })).toBe('ok')
    expect(reason(token({ iat: undefined }), { maxLife: 300 })).toBe('jwt.claims')
    expect(reason(token({ iat: undefined }))).toBe('ok')
  })

  it('may be meant for one of several audiences of ours, and of one of several types', () => {
    const audience = ['https://us.example', 'https://also-us.example']
    expect(reason(token(), { audience })).toBe('ok')
    expect(reason(token({ aud: 'https://also-us.example' }), { audience })).toBe('ok')
    expect(reason(token({ aud: 'https://us.example' }), { audience: ['https://also-us.example'] })).toBe(
      'jwt.audience',
    )
    expect(reason(token(), { typ: ['logout+jwt', 'at+jwt'] })).toBe('ok')
    expect(reason(token(), { typ: ['logout+jwt', 'jwt'] })).toBe('jwt.typ')
  })

  it('are of one piece: a list of audiences is never taken for a text of them', () => {
    expect(reason(token({ aud: 'xhttps://us.examplex' }))).toBe('jwt.audience')
    expect(reason(token(), { audience: 'prefix https://us.example' })).toBe('jwt.audience')
    expect(reason(token({ aud: undefined }), { audience: ['Stryker was here', 'undefined'] })).toBe(
      'jwt.audience',
    )
  })

  it('are named in the facts of a refusal, by number and never by text', () => {
    const facts = (change: Record<string, unknown>, more: Partial<JwtRules> = {}) => {
      const result = verifyJwt(token(change), { ...rules, ...more })
      return result.ok ? 'ok' : result.error.facts
    }
    expect(facts({ exp: NOW - 5 })).toEqual({ exp: NOW - 5 })
    expect(facts({ nbf: NOW + 6 })).toEqual({ nbf: NOW + 6 })
    expect(facts({ iat: NOW + 6 })).toEqual({ iat: NOW + 6 })
    expect(facts({ iat: NOW - 106 }, { maxAge: 100 })).toEqual({ iat: NOW - 106 })
    expect(facts({ exp: NOW + 301 }, { maxLife: 300 })).toEqual({ iat: NOW, exp: NOW + 301 })
    expect(facts({ sub: 7 })).toEqual({ claim: 'sub' })
    expect(facts({ aud: [7] })).toEqual({ claim: 'aud' })
    expect(facts({}, { algorithms: ['RS256'] })).toEqual({ alg: 'ES256' })
    expect(facts({}, { keys: keySetOf([]) })).toEqual({ alg: 'ES256' })
  })

  it('can be read before the signature is checked, to choose whom to ask, by the same rules', () => {
    const read = (compact: string) => {
      const jws = parseJws(compact)
      if (!jws.ok) throw new Error(jws.error.reason)
      return unverifiedClaims(jws.value)
    }
    const stranger = signJwt(claims, { ...signer, key: newSigningKey().key })
    const found = read(stranger)
    expect(found.ok && found.value.sub).toBe('s')
    expect(reasonOf(read(token({ exp: undefined })))).toBe('jwt.claims')
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
