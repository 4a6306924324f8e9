import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claimsOf, type FakeAuthority } from '../fakes/authority.ts'
import { CATALOGUE, idToken, ORDERS, type Runner, runner, startStory } from '../fakes/authority-story.ts'

let authority: FakeAuthority
let support: Runner
beforeAll(async () => {
  authority = await startStory()
  support = runner(authority, 'support')
})
afterAll(() => authority.close())
const header = (token: unknown) =>
  JSON.parse(Buffer.from(String(token).split('.')[0] ?? '', 'base64url').toString())

describe('RFC 9068: access tokens', () => {
  it('§2.1 say at+jwt, and are signed asymmetrically by a published key', async () => {
    const { body } = await support.ask('a', {})
    expect(header(body.access_token)).toEqual({
      alg: 'ES256',
      typ: 'at+jwt',
      kid: authority.keys.get('a')?.kid,
    })
    const jwks = (await (await fetch(`${authority.issuer('a')}/jwks.json`)).json()) as {
      keys: { kid: string }[]
    }
    expect(jwks.keys.map(({ kid }) => kid)).toContain(header(body.access_token).kid)
    expect(JSON.stringify(jwks)).not.toContain('"d"')
  })
  it('§2.2 hold every required claim, and one audience', async () => {
    const claims = claimsOf((await support.exchange('a', idToken())).body.access_token)
    for (const name of ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'])
      expect(claims).toHaveProperty(name)
    expect(claims.aud).toBe(ORDERS('a'))
  })
  it('§2.2, §5 name the client as subject when it acts for nobody, and nobody could take that for a user', async () => {
    const claims = claimsOf((await support.ask('a', {})).body.access_token)
    expect([claims.sub, claims.act]).toEqual(['operator/support', undefined])
    expect(String(claimsOf((await support.exchange('a', idToken())).body.access_token).sub)).not.toContain(
      '/',
    )
  })
  it('§4 are of the tenant that was asked, each with a jti of its own', async () => {
    const [one, two] = [await support.ask('a', {}), await support.ask('a', {})]
    expect(claimsOf(one.body.access_token).jti).not.toBe(claimsOf(two.body.access_token).jti)
    expect(claimsOf(one.body.access_token).iss).toBe(authority.issuer('a'))
    const other = await support.ask('b', { resource: CATALOGUE('b') })
    expect(header(other.body.access_token).kid).toBe(authority.keys.get('b')?.kid)
  })
})
