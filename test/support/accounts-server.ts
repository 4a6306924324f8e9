/**
 * Another company's authorization server: `oidc-provider` in a process of its own, where whoever comes may register, and people log in and
 * agree by its own forms. It takes refresh tokens once. `GET /counts` says how often each kind of request came.
 *
 *   node test/support/accounts-server.ts <seconds that an access token lives>
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import Provider, { type Configuration } from 'oidc-provider'
import { announce, endWithParent } from '../../examples/parts/announce.ts'

async function configuration(life: number): Promise<Configuration> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  return {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), use: 'sig', alg: 'RS256', kid: 'as-1' }] },
    clients: [
      {
        client_id: 'mcp-server',
        client_secret: 'the-secret-of-the-server',
        redirect_uris: [],
        response_types: [],
        grant_types: [],
      },
    ],
    cookies: { keys: [crypto.randomUUID()] },
    features: {
      devInteractions: { enabled: true },
      registration: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, audience) => ({
          audience,
          scope: 'read write',
          accessTokenFormat: 'opaque',
          accessTokenTTL: life,
        }),
      },
    },
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    issueRefreshToken: async (_context, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    pkce: { required: () => true },
  }
}

async function main(life: number): Promise<void> {
  const counts: Record<string, number> = {}
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1
  }
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(issuer, await configuration(life))
  provider.on('grant.success', (context) => count(String(context.oidc.params?.['grant_type'])))
  provider.on('grant.error', () => count('grant.error'))
  provider.on('registration_create.success', () => count('registration'))
  const answer = provider.callback()
  server.on('request', (request, response) => {
    if (request.url === '/counts') response.end(JSON.stringify(counts))
    else answer(request, response)
  })
  announce({ issuer })
  endWithParent()
}

const [life] = process.argv.slice(2)
if (import.meta.main && life) await main(Number(life))
