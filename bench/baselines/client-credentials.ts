/** Baseline of `exchange.*`: oidc-provider in memory, client credentials by `private_key_jwt` (ES256) for JWT access tokens (ES256). */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'
import { announce, endWithParent } from '../../examples/parts/announce.ts'

const [clientKey = '{}', providerKey = '{}'] = process.argv.slice(2)
const server = createServer()
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const scope = 'get_order list_orders find_order'
const format = { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } } as const
const use = { redirect_uris: [], response_types: [], grant_types: ['client_credentials'], scope }
const client = { client_id: 'bench', ...use, id_token_signed_response_alg: 'ES256' } as const
const jwks = { keys: [JSON.parse(clientKey)] }
const auth = { token_endpoint_auth_method: 'private_key_jwt', jwks } as const
const getResourceServerInfo = (_: unknown, audience: string) => ({ scope, audience, ...format })
const provider = new Provider(issuer, {
  jwks: { keys: [JSON.parse(providerKey)] },
  clients: [{ ...client, ...auth }],
  scopes: scope.split(' '),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: { enabled: true, getResourceServerInfo },
  },
})
server.on('request', provider.callback())
announce({ issuer })
endWithParent()
