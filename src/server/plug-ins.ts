import { readFile } from 'node:fs/promises'
import { attestToken } from '../attestors/registry.ts'
import type { AccountSettings } from '../core/credential/account.ts'
import type { CredentialProviderSettings } from '../core/credential/credential.ts'
import type { Lease } from '../core/credential/lease.ts'
import type { IdentityProvider } from '../core/identity/identity-provider.ts'
import { seconds } from '../core/identity/name.ts'
import type { TenantName } from '../core/ids.ts'
import { isDeclared } from '../core/policy/built-in-resources.ts'
import type { Store } from '../core/ports.ts'
import { type Refusal, refuse, Unavailable } from '../core/refusal.ts'
import { err, type Result } from '../core/result.ts'
import { Secret } from '../core/secret.ts'
import type { TenantSnapshot } from '../core/snapshot.ts'
import { type EpochMillis, epochMillis } from '../core/time.ts'
import type { CredentialPorts, CredentialProvider } from '../credentials/contract.ts'
import type { Attest } from '../flows/authority.ts'
import type { LeasingPorts } from '../flows/lease-login.ts'
import type { GuardedFetch } from '../lib/guarded-fetch.ts'
import { signJwt } from '../lib/jose/jwt.ts'
import type { KeyRing, KeySource, RemoteKeys } from '../lib/jose/remote-keys.ts'
import type { SigningKey } from '../lib/jose/signing-key.ts'

/** What the attestors' ports are made of. */
export type AttestParts = {
  readonly store: Pick<Store, 'commit'>
  readonly ring: KeyRing
  readonly fetch: GuardedFetch
  /** Files of the credentials that attestors may use, by name. */
  readonly secrets: Readonly<Record<string, string>>
}

/** Evidence of a tenant, judged by that tenant's trust providers: each with its own keys, spends and settings. */
export function attestWith(parts: AttestParts): Attest {
  return (tenant, compact, now, signal) => {
    const name = tenant.tenant.tenant as TenantName
    return attestToken(compact, tenant.trusts.values(), (provider) => ({
      now,
      signal,
      fetch: parts.fetch,
      keys: parts.ring.keysOf(`${name}/${provider.trust}`),
      spend: async (key, expires) => {
        const spend = { tenant: name, key: `evidence:${provider.trust}:${key}`, expires }
        return (await parts.store.commit({ events: [], spend })).done
      },
      secret: secretsIn(parts.secrets),
    }))
  }
}

/** The operator's secrets by name, read anew each time: files rotate. */
export function secretsIn(
  files: Readonly<Record<string, string>>,
): (wanted: string) => Promise<Secret | undefined> {
  return async (wanted) => {
    const file = Object.hasOwn(files, wanted) ? files[wanted] : undefined
    return file === undefined ? undefined : new Secret((await readFile(file, 'utf8')).trim())
  }
}

/** How accounts are connected by these settings, where their plug-in has people connect them. */
export function accountOf(
  providers: Providers,
  settings: CredentialProviderSettings | undefined,
): AccountSettings | undefined {
  const found = configuredProvider(providers, settings)
  return found?.provider.account?.(found.config)
}

/** The keys of a tenant's identity provider; a changed document gets new ones. */
export function idpKeysWith(ring: KeyRing): (tenant: TenantName, idp: IdentityProvider) => RemoteKeys {
  return (tenant, idp) => ring.keysOf(`${tenant}/idp/${idp.idp}`)(sourceOf(idp))
}

const sources = new WeakMap<IdentityProvider, KeySource>()

/** The same document gives the same source, so that its keys are found without comparing texts. */
function sourceOf(idp: IdentityProvider): KeySource {
  const held = sources.get(idp)
  if (held) return held
  const source: KeySource = {
    issuer: idp.issuer,
    allow: idp.allow_private,
    survive: seconds(idp.keys_survive),
    ...(idp.jwks_uri === undefined ? {} : { jwksUri: idp.jwks_uri }),
    ...(idp.ca === undefined ? {} : { ca: idp.ca }),
  }
  sources.set(idp, source)
  return source
}

/** Credential plug-ins by name. */
export type Providers = ReadonlyMap<string, CredentialProvider<never>>
type Configured = { readonly provider: CredentialProvider<never>; readonly config: never }

/** A tenant's settings with the plug-in they name; the settings are parsed by the plug-in's own schema each time they are used. */
export function configuredProvider(
  providers: Providers,
  settings: CredentialProviderSettings | undefined,
): Configured | undefined {
  const provider = settings && providers.get(settings.provider)
  if (!provider || !settings) return undefined
  const { credential: _name, provider: _plugIn, ...own } = settings
  const parsed = provider.config.safeParse(own)
  return parsed.success ? { provider, config: parsed.data as never } : undefined
}

/** What the credential plug-ins' ports are made of. */
export type IssuingParts = {
  readonly providers: Providers
  readonly origin: string
  readonly signer: (tenant: TenantName) => SigningKey | undefined
  readonly now: () => EpochMillis
} & Pick<CredentialPorts, 'fetch' | 'held' | 'secret'>

const NO_PROVIDER = refuse('denied', 'lease.no_provider', 'This resource has no credential provider.')

/** Issues and ends credentials through the plug-in that the resource's settings name. */
export function leasingWith(parts: IssuingParts): LeasingPorts {
  const { fetch, held, secret } = parts
  const ports = (): CredentialPorts => ({
    now: parts.now(),
    signal: AbortSignal.timeout(10_000),
    fetch,
    held,
    secret,
    sign: (tenant: TenantName, typ: string, claims: Readonly<Record<string, unknown>>) =>
      sign(parts, tenant, typ, claims),
  })
  return {
    issue: async (tenant, ask) => {
      const found = configuredProvider(parts.providers, tenant.credentials.get(ask.lease.provider))
      return found ? found.provider.issue(ask, found.config, ports()) : err(NO_PROVIDER)
    },
    end: (tenant, lease) => endWith(parts, tenant, lease, ports),
  }
}

async function endWith(
  parts: IssuingParts,
  tenant: TenantSnapshot,
  lease: Lease,
  ports: () => CredentialPorts,
): Promise<Result<void, Refusal>> {
  const found = configuredProvider(parts.providers, tenant.credentials.get(lease.provider))
  if (!found) return err(NO_PROVIDER)
  // A signed token ends by its own short life: there is nothing at the other side to tell.
  if (!found.provider.revoke) return { ok: true, value: undefined }
  const known = tenant.resources.get(lease.resource)
  if (!known || !isDeclared(known.resource)) return err(NO_PROVIDER)
  return found.provider.revoke(lease.handle, lease, known.resource, found.config, ports())
}

function sign(
  parts: IssuingParts,
  tenant: TenantName,
  typ: string,
  claims: Readonly<Record<string, unknown>>,
): string {
  const signer = parts.signer(tenant)
  if (!signer) throw new Unavailable('keys.no_signer', 'this authority holds no signing key of the tenant')
  return signJwt({ iss: `${parts.origin}/t/${tenant}`, ...claims }, { key: signer.key, kid: signer.kid, typ })
}

/** The wall clock; nothing but the composition root reads it. */
export const wallClock = (): EpochMillis => epochMillis(Date.now())
