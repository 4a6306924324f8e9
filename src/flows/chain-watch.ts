import type { EnforcementPoint } from '../core/enforcement.ts'
import type { AccessRequest } from '../core/policy/access-request.ts'
import { lookUp } from '../core/policy/question.ts'
import { STANDING } from '../core/policy/standing.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { EpochMillis } from '../core/time.ts'
import type { SecondEngine } from './second-engine.ts'

/** Something that goes on after its decision: a call in flight, an open stream. */
export type Watched = {
  /** The question that let it begin, asked again after each change. */
  readonly judge: (snapshot: Snapshot, now: EpochMillis) => Refusal | undefined
  /** Milliseconds since 1970: over by then, whatever else holds. */
  readonly until: number
  /** How old this gateway's view may get before it must be let go, in milliseconds. */
  readonly staleness: number
  /** Called once, at once, when it may not go on. */
  readonly end: (why: Refusal) => void
}

export type ChainWatch = {
  add(watched: Watched): void
  /** Lets go of it. */
  remove(watched: Watched): void
  readonly size: number
  close(): void
}

/** How often ends by time and by silence of the authority are looked for; ends by a change come with the change. */
const SWEEP_MS = 250

/** Ends what is in flight when what it stands on ends (ARCHITECTURE §2.5): on every change, and by the clock. */
export function createChainWatch(point: EnforcementPoint): ChainWatch {
  const all = new Set<Watched>()
  const end = (watched: Watched, why: Refusal) => {
    if (all.delete(watched)) watched.end(why)
  }
  const judge = () => {
    const snapshot = point.snapshot()
    const now = point.now()
    for (const watched of all) {
      const why = watched.judge(snapshot, now)
      if (why) end(watched, why)
    }
  }
  const stop = point.onChange(judge)
  const timer = setInterval(() => {
    if (all.size > 0) sweep(all, point, end)
  }, SWEEP_MS)
  timer.unref()
  return {
    add: (watched) => void all.add(watched),
    remove: (watched) => void all.delete(watched),
    get size() {
      return all.size
    },
    close() {
      stop()
      clearInterval(timer)
      for (const watched of all) end(watched, CLOSING)
    },
  }
}

function sweep(
  all: ReadonlySet<Watched>,
  point: EnforcementPoint,
  end: (watched: Watched, why: Refusal) => void,
): void {
  const now = point.now()
  const age = point.staleMs()
  for (const watched of all) {
    if (now >= watched.until) end(watched, EXPIRED)
    else if (age > watched.staleness) end(watched, STALE)
  }
}

const EXPIRED = refuse('stale', 'chain.expired', 'The credential has expired; ask for a new one.')
const STALE = refuse(
  'stale',
  'gateway.stale',
  'This gateway has not heard from its authority lately; try again.',
)
const CLOSING = refuse('stale', 'gateway.closing', 'This gateway is stopping; connect again.')

/** Whether everybody in the chain still stands: cheap, without policy. For a call in flight, which was decided once. */
export function standing(request: AccessRequest, snapshot: Snapshot, now: EpochMillis): Refusal | undefined {
  const question = lookUp(request, snapshot, now)
  for (const step of STANDING) {
    const refusal = step(question)
    if (refusal) return refusal
  }
  return undefined
}

/** Whether the same question would still be allowed. For a stream, which goes on. */
export function stillAllowed(
  { decideNow }: Pick<SecondEngine, 'decideNow'>,
  request: AccessRequest,
  snapshot: Snapshot,
  now: EpochMillis,
): Refusal | undefined {
  const decision = decideNow(request, snapshot, now)
  return decision.outcome === 'allow' ? undefined : decision.refusal
}
