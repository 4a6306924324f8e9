import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { credentialPorts } from '../../test/fakes/credential-ports.ts'
import type { Lease } from '../core/credential/lease.ts'
import type { TenantName } from '../core/ids.ts'
import type { Write } from '../core/ports.ts'
import { ok } from '../core/result.ts'
import { reveal } from '../core/secret.ts'
import type { TenantSnapshot } from '../core/snapshot.ts'
import { epochSeconds } from '../core/time.ts'
import type { CredentialProvider, Issue } from '../credentials/contract.ts'
import type { GuardedFetch } from '../lib/guarded-fetch.ts'
import { signJwt } from '../lib/jose/jwt.ts'
import type { KeyRing } from '../lib/jose/remote-keys.ts'
import { newSigningKey } from '../lib/jose/signing-key.ts'
import { bad } from '../lib/outcome.ts'
import { attestWith, configuredProvider, leasingWith } from './plug-ins.ts'

const NOW = epochSeconds(1_795_000_000)
const noFetch: GuardedFetch = async () => bad('stale', 'keys.unavailable', 'no network here')

function snapshotOf(tenant: string, parts: Record<string, ReadonlyMap<string, unknown>>): TenantSnapshot {
  const none = new Map()
  return {
    tenant: { tenant },
    trusts: none,
    credentials: none,
    resources: none,
    ...parts,
  } as unknown as TenantSnapshot
}

describe('evidence', () => {
  const client = newSigningKey()
  const assertion = (jti: string) => {
    const times = { iat: NOW, exp: NOW + 60 }
    return signJwt(
      { iss: 'ci', sub: 'ci', aud: 'https://authority.example/t/a', jti, ...times },
      { key: client.key, kid: client.kid, typ: 'client-authentication+jwt' },
    )
  }
  const settings = {
    attestor: 'private-key-jwt',
    client_id: 'ci',
    audience: 'https://authority.example/t/a',
    jwks: { keys: [client.jwk] },
  }
  const tenant = (name: string) =>
    snapshotOf(name, { trusts: new Map([['ci', { trust: 'ci', ...settings }]]) })

  it('is spent in its own tenant and for its own trust provider, once', async () => {
    const spends: unknown[] = []
    const store = {
      commit: async ({ spend }: Write) => {
        const again = spends.some((each) => JSON.stringify(each) === JSON.stringify(spend))
        spends.push(spend)
        return again
          ? ({ done: false, why: 'spent' } as const)
          : ({ done: true, revision: 1 as never } as const)
      },
    }
    const ring: KeyRing = {
      forget: () => {},
      keysOf: () => (source) => ({
        find: async () => (await import('../lib/jose/key-set.ts')).importJwks(source.jwks),
      }),
    }
    const attest = attestWith({ store, ring, fetch: noFetch, secrets: {} })
    const signal = () => AbortSignal.timeout(1000)
    const compact = assertion('one')
    expect(await attest(tenant('a'), compact, NOW, signal)).toMatchObject({ ok: true })
    expect(await attest(tenant('a'), compact, NOW, signal)).toMatchObject({
      error: { reason: 'evidence.replayed' },
    })
    expect(await attest(tenant('b'), compact, NOW, signal)).toMatchObject({ ok: true })
    expect(spends).toMatchObject([
      { tenant: 'a', key: expect.stringMatching(/^evidence:ci:/) },
      { tenant: 'a' },
      { tenant: 'b' },
    ])
  })

  it('is verified by keys that belong to one trust provider of one tenant', async () => {
    const asked: string[] = []
    const ring: KeyRing = {
      forget: () => {},
      keysOf: (owner) => {
        asked.push(owner)
        return () => ({ find: async () => bad('stale', 'keys.unavailable', 'none') })
      },
    }
    const store = { commit: vi.fn() }
    const attest = attestWith({ store, ring, fetch: noFetch, secrets: {} })
    await attest(tenant('a'), assertion('x'), NOW, () => AbortSignal.timeout(1000))
    await attest(tenant('b'), assertion('x'), NOW, () => AbortSignal.timeout(1000))
    expect(asked).toEqual(['a/ci', 'b/ci'])
    expect(store.commit).not.toHaveBeenCalled()
  })
})

describe('credentials', () => {
  const given: unknown[] = []
  const vault: CredentialProvider<{ readonly path: string }> = {
    name: 'vault',
    config: z.strictObject({ path: z.string() }),
    custody: 'minted',
    issue: async (_issue, config, ports) => {
      given.push([config, ports.sign('a' as TenantName, 'at+jwt', { aud: 'x' }).split('.').length])
      return ok({} as never)
    },
    revoke: async (handle) => {
      given.push(handle)
      return ok(undefined)
    },
  }
  const endless = { ...vault, name: 'endless' }
  delete (endless as { revoke?: unknown }).revoke
  const providers = new Map([vault, endless].map((each) => [each.name, each as CredentialProvider<never>]))
  const key = newSigningKey()
  const { held, secret } = credentialPorts()
  const leasing = leasingWith({
    fetch: noFetch,
    held,
    secret,
    providers,
    origin: 'https://authority.example',
    signer: (tenant) => (tenant === 'a' ? key : undefined),
    now: () => (NOW * 1000) as never,
  })
  const credentials = new Map<string, object>([
    ['secrets', { credential: 'secrets', provider: 'vault', path: 'kv/orders' }],
    ['short', { credential: 'short', provider: 'endless', path: 'kv/orders' }],
    ['old', { credential: 'old', provider: 'vault', pth: 'kv/orders' }],
    ['gone', { credential: 'gone', provider: 'no-such' }],
  ])
  const resources = new Map([['orders', { resource: { resource: 'orders', type: 'mcp' }, tools: new Map() }]])
  const tenant = snapshotOf('a', { credentials, resources })
  const lease = (provider: string) => ({ provider, resource: 'orders', handle: 'h-1' }) as unknown as Lease
  const issue = (provider: string) => leasing.issue(tenant, { lease: lease(provider) } as unknown as Issue)

  it('come from the plug-in that the settings name, with the settings as its own schema reads them', async () => {
    expect(await issue('secrets')).toMatchObject({ ok: true })
    expect(given).toEqual([[{ path: 'kv/orders' }, 3]])
  })

  it.each(['old', 'gone', 'nowhere'])('do not come from settings that no plug-in takes: %s', async (name) => {
    expect(await issue(name)).toMatchObject({ ok: false, error: { reason: 'lease.no_provider' } })
    expect(await leasing.end(tenant, lease(name))).toMatchObject({ error: { reason: 'lease.no_provider' } })
  })

  it('are ended by the plug-in that made them, or by themselves where there is nothing to end', async () => {
    given.length = 0
    expect(await leasing.end(tenant, lease('secrets'))).toMatchObject({ ok: true })
    expect(await leasing.end(tenant, lease('short'))).toMatchObject({ ok: true })
    expect(given).toEqual(['h-1'])
  })

  it('are not ended where the resource is gone: nobody knows where it was', async () => {
    const bare = snapshotOf('a', { credentials })
    expect(await leasing.end(bare, lease('secrets'))).toMatchObject({
      error: { reason: 'lease.no_provider' },
    })
  })

  it('are signed by the key of the tenant alone', async () => {
    const other = leasingWith({
      fetch: noFetch,
      held,
      secret,
      providers,
      origin: 'https://x.example',
      signer: () => undefined,
      now: () => 0 as never,
    })
    await expect(other.issue(tenant, { lease: lease('secrets') } as unknown as Issue)).rejects.toMatchObject({
      reason: 'keys.no_signer',
    })
  })

  it('settings without a plug-in configure nothing', () => {
    expect(configuredProvider(providers, undefined)).toBeUndefined()
  })
})

describe('a secret of the operator', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cs-secret-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('is read anew each time it is used, and only under the name that the operator gave it', async () => {
    const file = join(folder, 'review')
    await writeFile(file, 'one\n')
    const seen: unknown[] = []
    const { ATTESTORS } = await import('../attestors/registry.ts')
    const attestor = ATTESTORS.get('private-key-jwt')
    const spy = vi.spyOn(attestor as NonNullable<typeof attestor>, 'attest')
    spy.mockImplementation(async (_token, _compact, _provider, ports) => {
      for (const name of ['review', 'other'])
        seen.push(await ports.secret(name).then((found) => found && reveal(found)))
      return { ok: false, error: { refused: 'denied', reason: 'x', says: '', facts: {} } }
    })
    const attest = attestWith({
      store: { commit: vi.fn() },
      ring: { keysOf: () => vi.fn(), forget: () => {} },
      fetch: noFetch,
      secrets: { review: file },
    })
    const key = newSigningKey()
    const trust = {
      trust: 't',
      attestor: 'private-key-jwt',
      client_id: 'ci',
      jwks: { keys: [key.jwk] },
      audience: 'https://x.example',
    }
    const tenant = snapshotOf('a', { trusts: new Map([['t', trust]]) })
    const token = signJwt(
      { iss: 'ci', sub: 'ci', aud: 'x', exp: NOW + 60 },
      { key: key.key, kid: key.kid, typ: 'JWT' },
    )
    await attest(tenant, token, NOW, () => AbortSignal.timeout(1000))
    await writeFile(file, 'two\n')
    await attest(tenant, token, NOW, () => AbortSignal.timeout(1000))
    expect(seen).toEqual(['one', undefined, 'two', undefined])
    spy.mockRestore()
  })
})
