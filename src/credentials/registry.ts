import { connected } from './connected/connected.ts'
import type { CredentialProvider } from './contract.ts'
import { createPostgresRole } from './postgres-role/postgres-role.ts'
import { signedToken } from './signed-token/signed-token.ts'

/** Every credential provider; a new one is a line here. Providers that hold connections are made per process, and closed with it. */
export function credentialProviders(): ReadonlyMap<string, CredentialProvider<never>> {
  const all = [createPostgresRole(), signedToken, connected]
  return new Map(all.map((provider) => [provider.name, provider as unknown as CredentialProvider<never>]))
}
