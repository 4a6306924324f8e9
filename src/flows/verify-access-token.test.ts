import { generateKeyPairSync } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { fakeProver, fakeTenant, GATEWAY, ORIGIN, signAs, withRevocation } from '../../test/fakes/tenant.ts'
import type { TenantSnapshot } from '../core/snapshot.ts'
import { epochSeconds } from '../core/time.ts'
import { createReplayCache } from '../lib/jose/dpop-replay.ts'
import { signJwt } from '../lib/jose/jwt.ts'
import { newSigningKey } from '../lib/jose/signing-key.ts'
import {
  type AccessPorts,
  createAccessTokenCache,
  type PresentedToken,
  verifyAccessToken,
} from './verify-access-token.ts'

const NOW = epochSeconds(1_800_000_000)
const KEY = newSigningKey()
const ISSUER = `${ORIGIN}/t/acme`
const AUDIENCE = `${GATEWAY}/t/acme/mcp/orders`
const TENANT = fakeTenant('acme', {}, [KEY, newSigningKey()])
const me = fakeProver(NOW, 'POST', AUDIENCE)
const CLAIMS = {
  iss: ISSUER,
  sub: 'usr_aaaaaaaaaaaaaaaa',
  aud: AUDIENCE,
  client_id: 'acme/support',
  iat: NOW - 1,
  exp: NOW + 60,
  jti: 'tok_1',
  sid: 'ses_1',
  rev: 5,
  lin: ['agent:acme/support', 'login:sso/1'],
  chn: ['acme/support'],
  prf: 'attested',
  scope: 'orders/get_order',
}
const BOUND = { ...CLAIMS, cnf: { jkt: me.jkt } }

let ports: AccessPorts
beforeEach(() => {
  ports = { cache: createAccessTokenCache(), replay: createReplayCache() }
})

type Over = { tenant?: TenantSnapshot; audience?: string; now?: number; ports?: AccessPorts }
function verify(presented: Partial<PresentedToken>, over: Over = {}) {
  const all = { authorization: [], dpop: [], method: 'POST', url: AUDIENCE, ...presented }
  return verifyAccessToken(
    all,
    { issuer: ISSUER, audience: over.audience ?? AUDIENCE },
    over.tenant ?? TENANT,
    epochSeconds(over.now ?? NOW),
    over.ports ?? ports,
  )
}
function reason(presented: Partial<PresentedToken>, over: Over = {}) {
  const result = verify(presented, over)
  return result.ok ? 'ok' : result.error.reason
}
const token = (claims: Record<string, unknown>, typ = 'at+jwt', key = KEY) => signAs(key, typ, claims)
const bearer = (compact: string) => ({ authorization: [`Bearer ${compact}`] })
const bound = (compact: string, proof = me.prove({}, compact)) => ({
  authorization: [`DPoP ${compact}`],
  dpop: [proof],
})

describe('an access token', () => {
  it('gives the chain that it stands for', () => {
    const result = verify(bound(token({ ...BOUND, once: true })))
    expect(result).toMatchObject({
      ok: true,
      value: {
        jti: 'tok_1',
        once: true,
        bearer: false,
        chain: {
          tenant: 'acme',
          agent: 'acme/support',
          user: 'usr_aaaaaaaaaaaaaaaa',
          jkt: me.jkt,
          scope: ['orders/get_order'],
        },
      },
    })
    if (result.ok)
      expect(result.value.chain.links).toEqual([
        'agent:acme/support',
        'login:sso/1',
        'tenant:acme',
        'token:tok_1',
      ])
  })

  it('is taken as a bearer when it is bound to no key', () => {
    expect(verify(bearer(token(CLAIMS)))).toMatchObject({ ok: true, value: { bearer: true } })
    expect(reason({ authorization: [`bearer  ${token(CLAIMS)}`] })).toBe('ok')
  })

  it.each([
    [[], 'token.missing'],
    [['Bearer a', 'Bearer b'], 'token.several'],
    [['Basic YTpi'], 'token.scheme'],
    [['Bearer'], 'token.scheme'],
    [['Bearer a b'], 'token.scheme'],
    [['Bearer a,b'], 'token.scheme'],
    [['Bearer abc'], 'token.malformed'],
    [[''], 'token.scheme'],
  ])('is read from exactly one well-formed header: %j', (authorization, expected) => {
    expect(reason({ authorization })).toBe(expected)
  })

  it.each([
    ['of another kind', token(CLAIMS, 'agent+jwt'), 'token.typ'],
    ['without a kind', token(CLAIMS, 'JWT'), 'token.typ'],
    ['of another key', token(CLAIMS, 'at+jwt', newSigningKey()), 'token.signature'],
    ['of another issuer', token({ ...CLAIMS, iss: `${ORIGIN}/t/globex` }), 'token.issuer'],
    ['for another audience', token({ ...CLAIMS, aud: `${GATEWAY}/t/acme/mcp/other` }), 'token.audience'],
    ['for several audiences', token({ ...CLAIMS, aud: [AUDIENCE] }), 'token.malformed'],
    ['that ended', token({ ...CLAIMS, exp: NOW }), 'token.expired'],
    ['from the future', token({ ...CLAIMS, iat: NOW + 1 }), 'token.future'],
    ['without rev', token({ ...CLAIMS, rev: undefined }), 'token.malformed'],
    ['without lineage', token({ ...CLAIMS, lin: [] }), 'token.malformed'],
    ['spelled another way', `${token(CLAIMS)}=`, 'token.malformed'],
  ])('%s is refused', (_name, compact, expected) => {
    expect(reason(bearer(compact))).toBe(expected)
    expect(reason(bearer(compact))).toBe(expected)
  })

  it('signed with another algorithm is refused, even under a known kid', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    expect(
      reason(bearer(signJwt(CLAIMS, { key: privateKey, kid: KEY.kid, alg: 'RS256', typ: 'at+jwt' }))),
    ).toBe('token.alg')
  })
})

describe('a remembered token', () => {
  it('is verified once and still judged each time', () => {
    const compact = token(CLAIMS)
    expect(reason(bearer(compact))).toBe('ok')
    expect(reason(bearer(compact), { now: NOW + 60 })).toBe('token.expired')
    expect(reason(bearer(compact), { audience: `${AUDIENCE}2` })).toBe('token.audience')
    expect(reason(bearer(compact), { tenant: withRevocation(TENANT, 'login:sso/1', 6) })).toBe(
      'token.revoked',
    )
    expect(reason(bearer(compact))).toBe('ok')
  })
  it('is of its issuer still', () => {
    const compact = token(CLAIMS)
    expect(reason(bearer(compact))).toBe('ok')
    const moved = { issuer: 'https://moved.example/t/acme', audience: AUDIENCE }
    const presented = { ...bearer(compact), dpop: [], method: 'POST', url: AUDIENCE }
    expect(verifyAccessToken(presented, moved, TENANT, NOW, ports)).toMatchObject({
      error: { reason: 'token.issuer' },
    })
  })
  it('ends with the key that signed it', () => {
    const compact = token(CLAIMS)
    expect(reason(bearer(compact))).toBe('ok')
    expect(reason(bearer(compact), { tenant: fakeTenant('acme', {}, [newSigningKey()]) })).toBe(
      'token.signature',
    )
  })
  it('of one tenant is nothing at another that happens to have the same keys', () => {
    const compact = token(CLAIMS)
    expect(reason(bearer(compact))).toBe('ok')
    const result = verifyAccessToken(
      { ...bearer(compact), dpop: [], method: 'POST', url: AUDIENCE },
      { issuer: `${ORIGIN}/t/globex`, audience: AUDIENCE },
      fakeTenant('globex', {}, [KEY]),
      NOW,
      ports,
    )
    expect(result).toMatchObject({ error: { reason: 'token.issuer' } })
  })
})

describe('revocation', () => {
  it.each(['agent:acme/support', 'login:sso/1', 'tenant:acme', 'token:tok_1'])(
    'of %s ends tokens from before it',
    (name) => {
      expect(reason(bearer(token(CLAIMS)), { tenant: withRevocation(TENANT, name, 6) })).toBe('token.revoked')
      expect(reason(bearer(token(CLAIMS)), { tenant: withRevocation(TENANT, name, 5) })).toBe('ok')
      expect(reason(bearer(token(CLAIMS)), { tenant: withRevocation(TENANT, name, 1, true) })).toBe(
        'token.revoked',
      )
    },
  )
  it('of a tenant that is suspended, or broken, needs no link', () => {
    expect(
      reason(bearer(token(CLAIMS)), {
        tenant: fakeTenant('acme', { tenant: [{ state: 'suspended' }] }, [KEY]),
      }),
    ).toBe('tenant.suspended')
    expect(reason(bearer(token(CLAIMS)), { tenant: { ...TENANT, broken: 'policy' } })).toBe('tenant.broken')
  })
})

describe('proof of possession (RFC 9449 §7.1)', () => {
  const compact = token(BOUND)
  it('is required of a bound token, which is no bearer', () => {
    expect(reason(bound(compact))).toBe('ok')
    expect(reason(bearer(compact))).toBe('token.bound')
    expect(reason({ authorization: [`DPoP ${compact}`] })).toBe('dpop.missing')
    expect(reason({ authorization: [`DPoP ${token(CLAIMS)}`], dpop: [me.prove()] })).toBe('token.not_bound')
  })
  it.each([
    ['of another key', () => fakeProver(NOW, 'POST', AUDIENCE).prove({}, compact), 'dpop.key_mismatch'],
    ['for another token', () => me.prove({}, token(CLAIMS)), 'dpop.token'],
    ['for no token', () => me.prove(), 'dpop.token'],
    ['for another method', () => me.prove({ htm: 'GET' }, compact), 'dpop.method'],
    ['for another URL', () => me.prove({ htu: `${AUDIENCE}/x` }, compact), 'dpop.url'],
    ['too old', () => me.prove({ iat: NOW - 61 }, compact), 'dpop.time'],
  ])('%s is refused', (_name, proof, expected) => {
    expect(reason(bound(compact, proof()))).toBe(expected)
  })
  it('is taken once, and with the nonce where one is asked for', () => {
    const proof = me.prove({}, compact)
    expect(reason(bound(compact, proof))).toBe('ok')
    expect(reason(bound(compact, proof))).toBe('dpop.replayed')
    const asking = { ...ports, nonces: ['n2', 'n1'] }
    expect(reason(bound(compact), { ports: asking })).toBe('dpop.nonce')
    expect(reason(bound(compact, me.prove({ nonce: 'n1' }, compact)), { ports: asking })).toBe('ok')
  })
})
