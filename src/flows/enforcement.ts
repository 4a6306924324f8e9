import type { EnforcementPoint } from '../core/enforcement.ts'
import { createReplayCache } from '../lib/jose/dpop-replay.ts'
import { createUpstreams, type UpstreamLimits, type Upstreams } from '../lib/upstream.ts'
import { type ChainWatch, createChainWatch } from './chain-watch.ts'
import { createDefinitionLooks, type DefinitionLooks } from './pin-definitions.ts'
import { ONE_ENGINE, type SecondEngine } from './second-engine.ts'
import { createHeldCredentials, type HeldCredentials } from './upstream-credential.ts'
import { type AccessPorts, createAccessTokenCache } from './verify-access-token.ts'

/** Everything that the data path of one gateway process keeps in memory. None of it outlives the process, and none of it is shared. */
export type Enforcement = {
  readonly point: EnforcementPoint
  readonly engine: Pick<SecondEngine, 'decide' | 'decideNow'>
  readonly access: AccessPorts
  readonly upstreams: Upstreams
  readonly held: HeldCredentials
  readonly watch: ChainWatch
  readonly definitions: DefinitionLooks
  /** Calls and streams that may be open at once; a stream beyond it is refused. */
  readonly maxOpen: number
  /** Ends what is in flight and lets go of every connection. */
  close(): Promise<void>
}

export type EnforcementOptions = {
  readonly upstream?: Partial<UpstreamLimits>
  /** Proofs that can be remembered at once; beyond it requests are refused (`dpop.replay_full`), never forgotten. */
  readonly proofs?: number
  readonly nonces?: readonly string[]
  /** Default: our engine alone, so that what is in quarantine allows nothing. */
  readonly engine?: Enforcement['engine']
  /** Default 10,000. */
  readonly maxOpen?: number
  /** Milliseconds after which a call has the definitions of its resource looked at again. Default 60 s. */
  readonly lookAgainMs?: number
}

export function createEnforcement(point: EnforcementPoint, options: EnforcementOptions = {}): Enforcement {
  const { nonces } = options
  const watch = createChainWatch(point)
  const held = createHeldCredentials(point)
  const upstreams = createUpstreams(options.upstream)
  return {
    point,
    engine: options.engine ?? ONE_ENGINE,
    access: {
      cache: createAccessTokenCache(),
      replay: createReplayCache(options.proofs),
      ...(nonces ? { nonces } : {}),
    },
    upstreams,
    held,
    watch,
    definitions: createDefinitionLooks(options.lookAgainMs),
    maxOpen: options.maxOpen ?? 10_000,
    async close() {
      watch.close()
      held.close()
      await upstreams.close()
    },
  }
}
