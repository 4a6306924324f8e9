import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { newSigningKey } from '../../src/lib/jose/signing-key.ts'
import { claimsOf, type FakeAuthority, START } from '../fakes/authority.ts'
import {
  BEARER,
  CATALOGUE,
  CLUSTER,
  evidence,
  type Runner,
  runner,
  startStory,
} from '../fakes/authority-story.ts'
import { signAs } from '../fakes/tenant.ts'

let authority: FakeAuthority
let support: Runner
beforeAll(async () => {
  authority = await startStory()
})
afterAll(() => authority.close())
beforeEach(() => {
  authority.clock.now = START
  support = runner(authority, 'support', { pod: crypto.randomUUID() })
})

/** An agent+jwt as the home would sign it, with something else in it. */
function agentToken(over: Record<string, unknown> = {}, signer = 'operator', typ = 'agent+jwt') {
  const key = authority.keys.get(signer) ?? newSigningKey()
  return signAs(key, typ, {
    iss: authority.issuer('operator'),
    sub: 'operator/support',
    aud: authority.issuer('a'),
    iat: START,
    exp: START + 120,
    jti: 'tok_x',
    rev: 1_000,
    lin: ['agent:operator/support', `key:${support.jkt}`],
    prf: 'attested',
    cnf: { jkt: support.jkt },
    ...over,
  })
}
const ask = (
  assertion: string,
  form: Record<string, string> = {},
  headers: Record<string, string> | null = {},
) => support.ask('a', { client_assertion: assertion, ...form }, headers)

describe('rfc7523bis, RFC 7523 §3: the client assertion', () => {
  it('is taken when all fits', async () => {
    expect((await ask(agentToken())).status).toBe(200)
    expect((await ask(agentToken(), { client_id: 'operator/support' })).status).toBe(200)
  })
  it.each([
    [
      'for the token endpoint instead of the issuer',
      () => agentToken({ aud: `${authority.issuer('a')}/token` }),
    ],
    ['for two audiences', () => agentToken({ aud: [authority.issuer('a'), authority.issuer('b')] })],
    ['for another tenant', () => agentToken({ aud: authority.issuer('b') })],
    ['that ended', () => agentToken({ exp: START })],
    ['from the future', () => agentToken({ iat: START + 10 })],
    ['of another key', () => agentToken({}, 'nobody')],
    ["of the target tenant's key", () => agentToken({}, 'a')],
    [
      'of a tenant that speaks for an agent of another',
      () => agentToken({ iss: authority.issuer('a') }, 'a'),
    ],
    ['of an issuer elsewhere', () => agentToken({ iss: 'https://elsewhere.example/t/operator' })],
    ['of an agent that is not admitted', () => agentToken({ sub: 'operator/idle' })],
    ['of an agent that does not exist', () => agentToken({ sub: 'operator/ghost' })],
    ['without lineage', () => agentToken({ lin: [] })],
    ['without a key', () => agentToken({ cnf: undefined })],
    ['that is an access token', () => agentToken({}, 'operator', 'at+jwt')],
    ['that is no JWT', () => 'x.y.z'],
    ['spelled another way', () => `${agentToken()}=`],
    ["that is the workload's evidence, away from home", () => evidence(authority, 'support')],
  ])('is refused: %s', async (_name, assertion) => {
    const answered = await ask(assertion())
    expect([answered.status, answered.body.error]).toEqual([401, 'invalid_client'])
    expect(answered.headers.get('www-authenticate')).toBeTruthy()
    expect(answered.body.access_token).toBeUndefined()
  })
  it('is remembered, and still judged each time', async () => {
    const assertion = agentToken()
    expect((await ask(assertion)).status).toBe(200)
    authority.clock.now = START + 119
    expect((await ask(assertion)).body.expires_in).toBe(1)
    authority.clock.now = START + 120
    expect((await ask(assertion)).status).toBe(401)
  })
  it('is bound to a key: without a proof of it, or with another, it is nothing', async () => {
    expect((await ask(agentToken(), {}, null)).body).toMatchObject({
      error: 'invalid_dpop_proof',
      reason: 'dpop.missing',
    })
    const answered = await ask(agentToken({ cnf: { jkt: 'another' } }))
    expect(answered.body).toMatchObject({ error: 'invalid_dpop_proof', reason: 'dpop.key_mismatch' })
  })
  it('names the client, and client_id may not name another', async () => {
    expect((await ask(agentToken(), { client_id: 'operator/router' })).body.reason).toBe('client.id_mismatch')
  })
  it.each([
    [{ client_assertion_type: 'urn:x' }, 400, 'request.client_assertion_type'],
    [{ client_assertion: '' }, 401, 'client.missing'],
    [{ client_secret: 'x' }, 401, 'client.secret'],
  ])('comes in its own way only: %j', async (form, status, expected) => {
    const answered = await ask(agentToken(), form as unknown as Record<string, string>)
    expect([answered.status, answered.body.reason]).toEqual([status, expected])
  })
  it('is the only way: a secret in a header is refused', async () => {
    const answered = await ask(
      agentToken(),
      {},
      { authorization: 'Basic YTpi', dpop: support.proof(`${authority.issuer('a')}/token`) },
    )
    expect([answered.status, answered.body.error]).toEqual([401, 'invalid_client'])
  })
  it.each(['agent:operator/support', 'admission:operator/support'])(
    'counts no more once %s is revoked, at home or here',
    async (link) => {
      const at = link.startsWith('admission') ? 'a' : 'operator'
      const change = (doc: object | null) =>
        authority.store.apply([{ tenant: at, kind: 'revocation', name: link, doc } as never])
      change({ revocation: link, standing: true, reason: 'test' })
      const answered = await ask(agentToken())
      change(null)
      expect(answered.body).toMatchObject({ error: 'unauthorized_client', reason: 'agent.revoked' })
      expect((await ask(agentToken())).status).toBe(200)
    },
  )
})

describe('evidence as the client assertion, at home', () => {
  const atHome = (
    name: string,
    headers: Record<string, string> | null = {},
    over: Record<string, unknown> = {},
  ) => {
    const one = runner(authority, name)
    return one.ask(
      'operator',
      {
        client_assertion_type: BEARER,
        client_assertion: evidence(authority, name, { pod: crypto.randomUUID(), ...over }),
        resource: CATALOGUE('operator'),
      },
      headers,
    )
  }
  it('is taken with a proof, and without one only where the agent entry lets a bearer be', async () => {
    expect((await atHome('support')).body.token_type).toBe('DPoP')
    expect((await atHome('support', null)).body).toMatchObject({
      error: 'invalid_dpop_proof',
      reason: 'dpop.missing',
    })
    const bearer = await atHome('loose', null)
    expect(bearer.body.token_type).toBe('Bearer')
    expect(claimsOf(bearer.body.access_token).cnf).toBeUndefined()
    expect(authority.store.events.at(-1)).toMatchObject({ kind: 'issue', bearer: true })
  })
  it('is refused for another audience than this issuer alone', async () => {
    expect((await atHome('support', {}, { aud: authority.issuer('a') })).status).toBe(401)
    expect((await atHome('support', {}, { aud: [authority.issuer('operator'), 'x'] })).status).toBe(401)
    expect((await atHome('support', {}, { iss: `${CLUSTER.issuer}.evil` })).status).toBe(401)
  })
})

describe('a gateway', () => {
  it('gets no tokens here: not for resources, and not in two steps', async () => {
    const one = runner(authority, 'gw-1')
    const mine = evidence(authority, 'gw-1')
    const asked = await one.ask('operator', { client_assertion: mine, resource: CATALOGUE('operator') })
    expect([asked.status, asked.body.reason]).toEqual([401, 'client.gateway'])
    const attested = await one.attest({ subject_token: mine, audience: authority.issuer('operator') })
    expect([attested.status, attested.body.reason]).toEqual([401, 'client.gateway'])
  })
})
