import { describe, expect, it } from 'vitest'
import {
  alienKey,
  issued,
  issuerKeys,
  NOW,
  outcome,
  platformKey,
} from '../../../test/fakes/workload-issuer.ts'
import { signJws } from '../../lib/jose/jws.ts'
import { parseSpiffeId } from './spiffe-id.ts'

const AUDIENCE = 'https://countersign.example/t/acme'
const SUB = 'spiffe://prod.acme.example/ns/data/sa/pipeline'
const trust = {
  attestor: 'jwt-spiffe',
  trust_domain: 'prod.acme.example',
  audience: AUDIENCE,
  jwks: issuerKeys('jwt-svid'),
}
const svid = (claims: object = {}, signing: object = {}) =>
  issued({ sub: SUB, aud: [AUDIENCE], ...claims }, signing)

describe('SPIFFE JWT-SVID', () => {
  it('gives the id and the trust domain', async () => {
    expect(await outcome(svid(), trust)).toEqual([
      'trust:here',
      `spiffe:id:${SUB}`,
      'spiffe:trust-domain:prod.acme.example',
      'spiffe:path:/ns/data/sa/pipeline',
    ])
  })

  it('is chosen by the trust domain of `sub`; `iss` opens nothing and closes nothing', async () => {
    expect(await outcome(svid({ iss: 'https://evil.example' }), trust)).toContain(`spiffe:id:${SUB}`)
    const other = svid({ sub: 'spiffe://other.example/x', iss: 'spiffe://prod.acme.example' })
    expect(await outcome(other, trust)).toBe('evidence.untrusted')
  })

  it('takes only keys that the bundle states for JWT-SVIDs', async () => {
    expect(await outcome(svid(), { ...trust, jwks: issuerKeys('sig') })).toBe('jwt.key_unknown')
    expect(await outcome(svid(), { ...trust, jwks: issuerKeys('x509-svid') })).toBe('jwt.key_unknown')
    expect(await outcome(svid({}, { key: alienKey }), trust)).toBe('jwt.signature')
  })

  it('must be meant for us alone, and end', async () => {
    expect(await outcome(svid({ aud: undefined }), trust)).toBe('jwt.audience')
    expect(await outcome(svid({ aud: [AUDIENCE, 'b'] }), trust)).toBe('jwt.audience')
    expect(await outcome(svid({ exp: undefined }), trust)).toBe('jwt.claims')
    expect(await outcome(svid({ exp: NOW + 3700 }), trust)).toBe('jwt.life')
  })

  it.each([
    ['another member', { jku: 'https://evil.example/jwks' }],
    ['no kid', { kid: undefined }],
  ])('has a header of alg, kid and typ: %s is refused', async (_name, change) => {
    const header = JSON.stringify({ alg: 'RS256', kid: 'k1', ...change })
    const claims = JSON.stringify({ sub: SUB, aud: AUDIENCE, exp: NOW + 60 })
    expect(await outcome(signJws(header, claims, platformKey, 'RS256'), trust)).toBe('evidence.header')
  })

  it('is no other kind of token', async () => {
    expect(await outcome(svid({}, { typ: 'wit+jwt' }), trust)).toBe('jwt.typ')
    expect(await outcome(svid({}, { typ: 'JOSE' }), trust)).toContain(`spiffe:id:${SUB}`)
  })

  it('needs its bundle, and no unknown key, in the settings', async () => {
    expect(await outcome(svid(), { ...trust, jwks: undefined })).toBe('evidence.untrusted')
    expect(await outcome(svid(), { ...trust, iss: 'x' })).toBe('evidence.untrusted')
  })
})

describe('SPIFFE ids', () => {
  it.each([
    'spiffe://prod.acme.example',
    'spiffe://prod.acme.example/',
    'spiffe://prod.acme.example/a/',
    'spiffe://prod.acme.example/a//b',
    'spiffe://prod.acme.example/a/../b',
    'spiffe://prod.acme.example/%61',
    'spiffe://prod.acme.example:443/a',
    'spiffe://user@prod.acme.example/a',
    'spiffe://prod.acme.example/a?b',
    'spiffe://prod.acme.example/a#b',
    'spiffe://Prod.acme.example/a',
    'https://prod.acme.example/a',
    `spiffe://prod.acme.example/${'a'.repeat(2048)}`,
  ])('%s is none', (text) => {
    expect(parseSpiffeId(text)).toBeUndefined()
  })
})
