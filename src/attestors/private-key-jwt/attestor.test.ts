import { describe, expect, it } from 'vitest'
import { alienKey, issued, issuerKeys, NOW, outcome, testPorts } from '../../../test/fakes/workload-issuer.ts'
import type { TrustProvider } from '../../core/identity/trust-provider.ts'
import { attestToken } from '../registry.ts'

const ISSUER = 'https://countersign.example/t/acme'
const trust = { attestor: 'private-key-jwt', client_id: 'nightly', audience: ISSUER, jwks: issuerKeys() }
let serial = 0
const assertion = (claims: object = {}, signing: object = {}) =>
  issued(
    { iss: 'nightly', sub: 'nightly', aud: ISSUER, jti: `j-${++serial}`, exp: NOW + 60, ...claims },
    { typ: 'client-authentication+jwt', ...signing },
  )

describe('client assertions made with a standing key', () => {
  it('prove an enrolled client, and say so', async () => {
    const result = await attestToken(assertion(), [{ trust: 'here', ...trust } as TrustProvider], () =>
      testPorts(),
    )
    expect(result.ok && result.value.proof).toBe('enrolled')
    expect(result.ok && result.value.reusable).toBe(false)
    expect(result.ok && result.value.selectors).toContain('private-key-jwt:client:nightly')
  })

  it('work once', async () => {
    const ports = testPorts()
    const once = assertion()
    const tried = await Promise.all(Array.from({ length: 50 }, () => outcome(once, trust, ports)))
    expect(tried.filter((result) => typeof result !== 'string')).toHaveLength(1)
    expect(tried.filter((result) => result === 'evidence.replayed')).toHaveLength(49)
  })

  it.each([
    ['another subject', { sub: 'other' }, 'evidence.subject'],
    ['no subject', { sub: undefined }, 'evidence.subject'],
    ['another issuer', { iss: 'other' }, 'evidence.untrusted'],
    ['the token endpoint as audience', { aud: `${ISSUER}/token` }, 'jwt.audience'],
    ['our issuer among several audiences', { aud: [ISSUER, 'https://b.example'] }, 'jwt.audience'],
    ['no id', { jti: undefined }, 'evidence.claim_missing'],
    ['an id without bound', { jti: 'j'.repeat(257) }, 'evidence.claim_missing'],
    ['a life of more than five minutes', { exp: NOW + 306 }, 'jwt.life'],
  ])('are refused with %s', async (_name, claims, reason) => {
    expect(await outcome(assertion(claims), trust)).toBe(reason)
  })

  it('are refused from another key, or as another kind of token', async () => {
    expect(await outcome(assertion({}, { key: alienKey }), trust)).toBe('jwt.signature')
    expect(await outcome(assertion({}, { typ: 'dpop+jwt' }), trust)).toBe('jwt.typ')
  })

  it('do not spend their id when they are refused', async () => {
    const ports = testPorts()
    expect(await outcome(assertion({ jti: 'same', aud: 'x' }), trust, ports)).toBe('jwt.audience')
    expect(await outcome(assertion({ jti: 'same' }), trust, ports)).toContain('trust:here')
  })
})
