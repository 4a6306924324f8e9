/**
 * The company's identity provider: `oidc-provider` with users of two tenants, one client per tenant's support desk, and real
 * OpenID Connect Back-Channel Logout.
 *
 *   node examples/parts/identity-provider.ts <settings.json>
 *
 * settings.json: { users: [{ sub, email, tenant }], clients: [{ id, redirect, logout }], key? }
 */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import Provider, { type Configuration } from 'oidc-provider'
import { announce, endWithParent } from './announce.ts'

export type IdentityProviderSettings = {
  readonly users: readonly { readonly sub: string; readonly email: string }[]
  readonly clients: readonly { readonly id: string; readonly redirect: string; readonly logout: string }[]
  /** The private RS256 key to sign with, as a JWK; one is made otherwise. */
  readonly key?: JWK
}

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  return exportJWK(privateKey)
}

async function configuration(settings: IdentityProviderSettings): Promise<Configuration> {
  const key = settings.key ?? (await newKey())
  const users = new Map(settings.users.map((user) => [user.sub, user]))
  return {
    jwks: { keys: [{ ...key, use: 'sig', alg: 'RS256', kid: 'idp-1' }] },
    clients: settings.clients.map((client) => ({
      client_id: client.id,
      token_endpoint_auth_method: 'none',
      redirect_uris: [client.redirect],
      post_logout_redirect_uris: [client.redirect],
      backchannel_logout_uri: client.logout,
      backchannel_logout_session_required: true,
      response_types: ['code'],
      grant_types: ['authorization_code'],
      application_type: 'native',
    })),
    claims: { openid: ['sub', 'sid'], email: ['email'] },
    conformIdTokenClaims: false,
    cookies: { keys: [crypto.randomUUID()] },
    features: {
      devInteractions: { enabled: true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => {
          context.body = `<!doctype html><title>Sign out</title>${form}`
        },
        postLogoutSuccessSource: (context) => {
          context.body = '<!doctype html><title>Signed out</title>'
        },
      },
    },
    // The provider's own dispatcher refuses special-use addresses, and rightly; in this demo every part is on loopback.
    fetch: (url, options) => {
      const plain: Record<string, unknown> = { ...options }
      delete plain['dispatcher']
      return globalThis.fetch(url, plain)
    },
    findAccount: (_context, sub) => {
      const user = users.get(sub)
      return user ? { accountId: sub, claims: () => ({ sub, email: user.email }) } : undefined
    },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      IdToken: 3600,
      Interaction: 300,
      Session: 3600,
      Grant: 3600,
    },
    pkce: { required: () => true },
  }
}

async function main(settingsFile: string): Promise<void> {
  const settings = JSON.parse(await readFile(settingsFile, 'utf8')) as IdentityProviderSettings
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(issuer, await configuration(settings))
  server.on('request', provider.callback())
  provider.on('backchannel.error', (_context, error) => console.error('back-channel logout failed:', error))
  announce({ issuer })
  endWithParent()
}

const [settingsFile] = process.argv.slice(2)
if (import.meta.main && settingsFile) await main(settingsFile)
