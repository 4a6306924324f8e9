import { epochMillis } from '../../src/core/time.ts'
import type { CredentialPorts } from '../../src/credentials/contract.ts'
import { createHeldSecrets } from '../../src/flows/held-secrets.ts'
import { bad } from '../../src/lib/outcome.ts'
import { memoryHeld } from './held.ts'

/** Ports of a provider that reaches nobody and holds what it is given in memory. */
export function credentialPorts(more: Partial<CredentialPorts> = {}): CredentialPorts {
  const now = epochMillis(Date.now())
  return {
    now,
    sign: () => '',
    signal: new AbortController().signal,
    fetch: async () => bad('stale', 'fetch.failed', 'nothing is reachable in this test'),
    held: createHeldSecrets(
      memoryHeld(() => Math.floor(now / 1000)),
      [{ kid: 'root', secret: new Uint8Array(32) }],
    ),
    secret: async () => undefined,
    ...more,
  }
}
