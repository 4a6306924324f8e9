import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { issued, issuerKeys, outcome, testPorts } from '../../../test/fakes/workload-issuer.ts'
import { createGuardedFetch } from '../../lib/guarded-fetch.ts'

const AUDIENCE = 'https://countersign.example/t/acme'
let server: Server
let place = ''

/** Serves discovery and keys over HTTP as a cluster does. */
beforeAll(async () => {
  server = createServer((request, response) => {
    const discovery = request.url === '/.well-known/openid-configuration'
    const body = discovery
      ? { issuer: `http://${place}`, jwks_uri: `http://${place}/openid/v1/jwks` }
      : issuerKeys()
    response.setHeader('content-type', discovery ? 'application/json' : 'application/jwk-set+json')
    response.end(JSON.stringify(body))
  })
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening)
  })
  place = `127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())

function attest(operatorAllows: readonly string[], providerAllows: readonly string[]) {
  const issuer = `http://${place}`
  const pods = { namespace: 'data', serviceaccount: { name: 'pipeline', uid: 'sa-1' } }
  const token = issued({ iss: issuer, aud: AUDIENCE, 'kubernetes.io': pods })
  const trust = {
    attestor: 'oidc-token',
    preset: 'kubernetes',
    issuer,
    audience: AUDIENCE,
    pin: { 'sa-uid': 'sa-1' },
    allow_private: providerAllows,
  }
  return outcome(token, trust, testPorts({ fetch: createGuardedFetch({ allow: operatorAllows }) }))
}

describe('a cluster at a private address', () => {
  it('is discovered over HTTP when operator and provider both list it', async () => {
    expect(await attest([place], [place])).toContain('k8s:sa:pipeline')
  })

  it('is not reached because a provider alone lists it', async () => {
    expect(await attest([], [place])).toBe('fetch.scheme')
  })
})
