import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claimsOf, type FakeAuthority, START } from '../fakes/authority.ts'
import { type Runner, runner, startStory } from '../fakes/authority-story.ts'

let authority: FakeAuthority
let support: Runner
let assertion: string
let url: string
beforeAll(async () => {
  authority = await startStory()
  support = runner(authority, 'support')
  assertion = await support.agentToken('a')
  url = `${authority.issuer('a')}/token`
})
afterAll(() => authority.close())
const ask = (dpop: string) => support.ask('a', { client_assertion: assertion }, { dpop })

describe('RFC 9449 §5: a token request with a proof', () => {
  it('binds the token to the key of the proof, and says DPoP', async () => {
    const { body } = await ask(support.proof(url))
    expect([body.token_type, claimsOf(body.access_token).cnf]).toEqual(['DPoP', { jkt: support.jkt }])
  })
  it.each([
    ['for another URL', () => support.proof(`${authority.issuer('b')}/token`), 'dpop.url'],
    ['for another method', () => support.proof(url, { htm: 'GET' }), 'dpop.method'],
    ['too old', () => support.proof(url, { iat: START - 61 }), 'dpop.time'],
    ['from the future', () => support.proof(url, { iat: START + 61 }), 'dpop.time'],
    ['without jti', () => support.proof(url, { jti: undefined }), 'dpop.claims'],
    ['that is no JWS', () => 'x', 'dpop.malformed'],
    ['sent twice', () => `${support.proof(url)}, ${support.proof(url)}`, 'dpop.malformed'],
  ])('§4.3 is refused with a proof %s', async (_name, proof, reason) => {
    expect(await ask(proof())).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof', reason } })
  })
  it('§11.1 takes each proof once', async () => {
    const proof = support.proof(url)
    expect((await ask(proof)).status).toBe(200)
    expect((await ask(proof)).body.reason).toBe('dpop.replayed')
  })
})
