import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attestGateway } from '../../src/flows/attest-gateway.ts'
import { newSigningKey } from '../../src/lib/jose/signing-key.ts'
import { claimsOf, type FakeAuthority, START } from '../fakes/authority.ts'
import {
  BEARER,
  evidence,
  idToken,
  ORDERS,
  type Runner,
  runner,
  startStory,
} from '../fakes/authority-story.ts'
import { signAs } from '../fakes/tenant.ts'

let authority: FakeAuthority
let support: Runner
let router: Runner
let held: string
let mine: () => Promise<Record<string, string>>
beforeAll(async () => {
  authority = await startStory()
  support = runner(authority, 'support')
  router = runner(authority, 'router')
  held = String((await support.exchange('a', idToken(), { scope: 'orders/get_order' })).body.access_token)
  mine = async () => ({ client_assertion_type: BEARER, client_assertion: await support.agentToken('a') })
})
afterAll(() => authority.close())
const at = (tenant = 'a') => `${authority.issuer(tenant)}/introspect`
/** The gateway's credential, and a request with it. */
async function gateway() {
  const one = runner(authority, 'gw-1')
  const url = `${authority.origin}/gateway/v1/token`
  const wire = { dpop: [one.proof(url)], method: 'POST', url, signal: () => new AbortController().signal }
  const attested = await attestGateway(
    authority.ports,
    { evidence: evidence(authority, 'gw-1'), instance: 'gw-1a' },
    wire,
  )
  if (!attested.ok) throw new Error(attested.error.reason)
  const { token: credential } = attested.value
  return (tenant: string, token: string) =>
    one.post(
      at(tenant),
      { token },
      { authorization: `DPoP ${credential}`, dpop: one.proof(at(tenant), {}, credential) },
    )
}

describe('RFC 7662: introspection', () => {
  it('§2.2 tells a client about its own token', async () => {
    const answered = await support.post(at(), { token: held, ...(await mine()) })
    expect(answered.status).toBe(200)
    expect(answered.body).toMatchObject({
      active: true,
      iss: authority.issuer('a'),
      aud: ORDERS('a'),
      client_id: 'operator/support',
      scope: 'orders/get_order',
      token_type: 'DPoP',
      cnf: { jkt: support.jkt },
      exp: claimsOf(held).exp,
    })
    expect(answered.headers.get('cache-control')).toBe('no-store')
  })
  it('§2.1 needs an authenticated caller', async () => {
    expect(await support.post(at(), { token: held })).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    })
    expect((await support.post(at(), { token: held }, { authorization: `Bearer ${held}` })).status).toBe(401)
    expect(
      (await support.post(at(), { token: held, ...(await mine()) }, { authorization: `Bearer ${held}` }))
        .status,
    ).not.toBe(200)
    expect((await support.post(at(), { ...(await mine()) })).body.error).toBe('invalid_request')
  })
  it('tells a gateway about tokens for what it serves', async () => {
    const ask = await gateway()
    expect((await ask('a', held)).body.active).toBe(true)
    const elsewhere = String(
      (await support.ask('b', { resource: ORDERS('b').replace('orders', 'catalogue') })).body.access_token,
    )
    expect((await ask('b', elsewhere)).body).toEqual({ active: false })
    const its = String((await support.ask('a', {})).body.access_token)
    expect((await ask('a', its)).body.active).toBe(true)
    const key = authority.keys.get('a') ?? newSigningKey()
    const foreign = signAs(key, 'at+jwt', {
      ...claimsOf(its),
      aud: 'https://elsewhere.example/t/a/mcp/orders',
    })
    expect((await ask('a', foreign)).body).toEqual({ active: false })
  })
  it("§2.2, §4 says active: false and nothing else about everybody else's, the ended, the revoked and the unreadable", async () => {
    const router2 = async () => ({
      client_assertion_type: BEARER,
      client_assertion: await router.agentToken('a'),
    })
    expect((await router.post(at(), { token: held, ...(await router2()) })).body).toEqual({ active: false })
    for (const token of ['x', `${held}x`, await support.agentToken('a'), idToken()]) {
      expect((await support.post(at(), { token, ...(await mine()) })).body).toEqual({ active: false })
    }
    const assertion = { client_assertion_type: BEARER, client_assertion: await support.agentToken('b') }
    expect((await support.post(at('b'), { token: held, ...assertion })).body).toEqual({ active: false })
    const lin = `session:${claimsOf(held).sid}`
    authority.store.apply([
      {
        tenant: 'a',
        kind: 'revocation',
        name: lin,
        doc: { revocation: lin, standing: true, reason: 'test' },
      } as never,
    ])
    expect((await support.post(at(), { token: held, ...(await mine()) })).body).toEqual({ active: false })
    authority.store.apply([{ tenant: 'a', kind: 'revocation', name: lin, doc: null } as never])
    expect((await support.post(at(), { token: held, ...(await mine()) })).body.active).toBe(true)
    authority.clock.now = Number(claimsOf(held).exp)
    expect((await support.post(at(), { token: held, ...(await mine()) })).body).toEqual({ active: false })
    authority.clock.now = START
  })
})
