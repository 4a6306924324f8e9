import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { Ports } from '../../src/attestors/contract.ts'
import { attestToken } from '../../src/attestors/registry.ts'
import type { TrustProvider } from '../../src/core/identity/trust-provider.ts'
import type { Secret } from '../../src/core/secret.ts'
import { epochSeconds } from '../../src/core/time.ts'
import type { GuardedFetch } from '../../src/lib/guarded-fetch.ts'
import { signJwt } from '../../src/lib/jose/jwt.ts'
import { createKeyRing } from '../../src/lib/jose/remote-keys.ts'
import { bad } from '../../src/lib/outcome.ts'

export const NOW = epochSeconds(1_800_000_000)

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
const alien = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** A platform's key set, and tokens signed as platforms sign them: RS256. Only for tests. */
export const issuerKeys = (use = 'sig') => ({
  keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use }],
})

export function issued(
  claims: object,
  signing: { typ?: string; key?: KeyObject; kid?: string } = {},
): string {
  const { typ = 'JWT', key = pair.privateKey, kid = 'k1' } = signing
  return signJwt({ iat: NOW - 10, exp: NOW + 590, ...claims }, { key, kid, alg: 'RS256', typ })
}

export const platformKey = pair.privateKey
export const alienKey = alien.privateKey

const nowhere: GuardedFetch = async () => bad('stale', 'fetch.failed', 'nothing is reachable in this test')

export function testPorts(over: Partial<Ports> = {}): Ports {
  const spent = new Set<string>()
  return {
    now: NOW,
    signal: () => new AbortController().signal,
    fetch: nowhere,
    keys: createKeyRing(over.fetch ?? nowhere).keysOf('test'),
    spend: async (key) => !spent.has(key) && spent.add(key) === spent,
    secret: async (): Promise<Secret | undefined> => undefined,
    ...over,
  }
}

/** The selectors of an attestation, or the reason of the refusal. */
export async function outcome(
  token: string,
  trust: object,
  ports: Ports = testPorts(),
): Promise<readonly string[] | string> {
  const provider = { trust: 'here', ...trust } as TrustProvider
  const result = await attestToken(token, [provider], () => ports)
  return result.ok ? result.value.selectors : result.error.reason
}
