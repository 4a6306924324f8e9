import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claimsOf, type FakeAuthority, START } from '../fakes/authority.ts'
import {
  AGENT_TYPE,
  BEARER,
  evidence,
  GRANT,
  idToken,
  ORDERS,
  startStory,
  TYPE,
} from '../fakes/authority-story.ts'

let authority: FakeAuthority
beforeAll(async () => {
  authority = await startStory()
})
afterAll(() => authority.close())
const read = async (path: string) =>
  (await fetch(authority.origin + path)).json() as Promise<Record<string, unknown>>

describe('RFC 8414 §3: metadata', () => {
  it('is the same at both places, and names the issuer that was asked for', async () => {
    const inserted = await read('/.well-known/oauth-authorization-server/t/a')
    expect(inserted).toEqual(await read('/t/a/.well-known/openid-configuration'))
    expect(inserted).toMatchObject({
      issuer: authority.issuer('a'),
      token_endpoint: `${authority.issuer('a')}/token`,
      jwks_uri: `${authority.issuer('a')}/jwks.json`,
    })
  })
  it('is made of what is configured, never of Host', async () => {
    const response = await fetch(`${authority.origin}/t/a/.well-known/openid-configuration`, {
      headers: { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' },
    })
    expect(await response.text()).not.toContain('evil')
  })
  it('names only endpoints that are there', async () => {
    const document = await read('/.well-known/oauth-authorization-server/t/a')
    for (const [name, url] of Object.entries(document)) {
      if (!/_endpoint$|_uri$/.test(name)) continue
      expect([name, (await fetch(String(url))).status]).toEqual([name, name === 'jwks_uri' ? 200 : 405])
    }
  })
  it('is not there for a tenant that is not', async () => {
    expect((await fetch(`${authority.origin}/t/nowhere/.well-known/openid-configuration`)).status).toBe(404)
    expect((await fetch(`${authority.origin}/.well-known/oauth-authorization-server`)).status).toBe(404)
  })
})

describe('an independent client (oauth4webapi)', () => {
  it('discovers, attests, exchanges with DPoP, introspects and revokes', async () => {
    authority.clock.now = Math.floor(Date.now() / 1000)
    const shift = authority.clock.now - START
    const insecure = { [oauth.allowInsecureRequests]: true }
    const server = async (tenant: string, algorithm: 'oidc' | 'oauth2') => {
      const issuer = new URL(authority.issuer(tenant))
      return oauth.processDiscoveryResponse(
        issuer,
        await oauth.discoveryRequest(issuer, { algorithm, ...insecure }),
      )
    }
    const client: oauth.Client = { client_id: 'operator/support' }
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
    const home = await server('operator', 'oauth2')
    const mine = evidence(authority, 'support', { exp: START + shift + 3000, iat: START + shift - 10 })
    const attested = await oauth.processGenericTokenEndpointResponse(
      home,
      client,
      await oauth.genericTokenEndpointRequest(
        home,
        client,
        oauth.None(),
        GRANT,
        {
          subject_token: mine,
          subject_token_type: `${TYPE}jwt`,
          requested_token_type: AGENT_TYPE,
          audience: authority.issuer('a'),
        },
        { DPoP, ...insecure },
      ),
      { recognizedTokenTypes: { n_a: () => {} } },
    )
    const asClient: oauth.ClientAuth = (_as, _client, body) => {
      body.set('client_assertion_type', BEARER)
      body.set('client_assertion', attested.access_token)
    }
    const tenant = await server('a', 'oidc')
    const user = idToken({ iat: START + shift - 20, exp: START + shift + 500, auth_time: START + shift - 20 })
    const exchanged = await oauth.processGenericTokenEndpointResponse(
      tenant,
      client,
      await oauth.genericTokenEndpointRequest(
        tenant,
        client,
        asClient,
        GRANT,
        {
          subject_token: user,
          subject_token_type: `${TYPE}id_token`,
          resource: ORDERS('a'),
          scope: 'orders/get_order',
        },
        { DPoP, ...insecure },
      ),
    )
    expect(exchanged).toMatchObject({ token_type: 'dpop', scope: 'orders/get_order' })
    const introspect = async () => {
      const request = await oauth.introspectionRequest(tenant, client, asClient, exchanged.access_token, {
        headers: { dpop: await proof('introspect') },
        ...insecure,
      })
      return oauth.processIntrospectionResponse(tenant, client, request)
    }
    // The library adds proofs to these two endpoints only by hand.
    const prover = DPoP as unknown as { addProof(url: URL, headers: Headers, method: string): Promise<void> }
    const proof = async (endpoint: string) => {
      const headers = new Headers()
      await prover.addProof(new URL(`${authority.issuer('a')}/${endpoint}`), headers, 'POST')
      return headers.get('dpop') ?? ''
    }
    expect(await introspect()).toMatchObject({ active: true, jti: claimsOf(exchanged.access_token).jti })
    const revoked = await oauth.revocationRequest(tenant, client, asClient, exchanged.access_token, {
      headers: { dpop: await proof('revoke') },
      ...insecure,
    })
    await oauth.processRevocationResponse(revoked)
    expect(await introspect()).toEqual({ active: false })
    authority.clock.now = START
  })
})
