import type { Allow } from '../core/policy/decision.ts'
import type { Refusal } from '../core/refusal.ts'
import type { UpstreamProblem } from '../lib/upstream.ts'
import type { Halt, UpstreamAnswer } from '../lib/upstream-answer.ts'
import type { GatewayCaller } from './authenticate-at-gateway.ts'
import { standing } from './chain-watch.ts'
import { recordOutcome, recordRefusal } from './decide-at-gateway.ts'
import type { Enforcement } from './enforcement.ts'

/** What goes to the server behind: a message that was read and judged, written anew, and header fields of its protocol alone. */
export type Forward = {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal
  /** Milliseconds a stream may be silent; the limit's own when absent, 0 for a stream that stays open. */
  readonly bodyTimeout?: number
}

/** An answer on its way: `ended` tells why it must not go on, `finish` records how it came out and lets go of it. */
export type Flight = {
  readonly decision: Allow
  readonly answer: UpstreamAnswer
  readonly ended: () => Refusal | undefined
  /** Calls back once when it must not go on; at once if it is so already. */
  readonly onEnd: (listener: (why: Refusal) => void) => void
  readonly finish: (outcome: 'done' | 'failed', reason: string) => Promise<void>
  /** Stops watching it, and nothing else. */
  readonly release: () => void
}

export const FAILURES: Readonly<Record<UpstreamProblem, string>> = {
  aborted: 'caller.gone',
  timeout: 'upstream.timeout',
  unreachable: 'upstream.unreachable',
  too_large: 'upstream.too_large',
}

/** A request that was sent and not answered. */
export type InFlight = {
  readonly signal: Halt
  readonly ended: () => Refusal | undefined
  readonly onEnd: (listener: (why: Refusal) => void) => void
  readonly release: () => void
}

/** The longest that one call may take, in milliseconds, however alive it looks. */
const CALL_MS = 300_000

export function takeOff(
  enforcement: Enforcement,
  caller: GatewayCaller,
  decision: Allow,
  forward: Forward,
): InFlight {
  const { point, watch } = enforcement
  const began = point.now()
  const halt = new Halting()
  let ended: Refusal | undefined
  let tell: ((why: Refusal) => void) | undefined
  const release = watch.add({
    // Its times were judged when it began; from here on only what somebody changed can end it.
    judge: (snapshot) => standing(decision.request, snapshot, began),
    until: forward.bodyTimeout === 0 ? caller.access.chain.expires * 1000 : began + CALL_MS,
    staleness: Number.POSITIVE_INFINITY,
    end: (why) => {
      ended = why
      halt.stop()
      tell?.(why)
    },
  })
  const { signal } = forward
  const gone = () => halt.stop()
  if (signal.aborted) gone()
  else signal.addEventListener('abort', gone, { once: true })
  return {
    signal: halt,
    ended: () => ended,
    onEnd: (listener) => {
      tell = listener
      if (ended) listener(ended)
    },
    release: () => {
      release()
      signal.removeEventListener('abort', gone)
    },
  }
}

/** What an `AbortController` does, of which each call needs one, at a tenth of its cost. */
class Halting implements Halt {
  readonly #listeners = new Set<() => void>()
  aborted = false

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.add(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.delete(listener)
  }

  stop(): void {
    if (this.aborted) return
    this.aborted = true
    for (const listener of this.#listeners) listener()
    this.#listeners.clear()
  }
}

export function landing(
  enforcement: Enforcement,
  decision: Allow,
  answer: UpstreamAnswer,
  { ended, onEnd, release }: InFlight,
  began: number,
): Flight {
  return {
    decision,
    answer,
    ended,
    onEnd,
    release,
    finish: async (outcome, reason) => {
      release()
      const why = ended()
      if (why) await recordRefusal(enforcement, decision, why, began)
      else await recordOutcome(enforcement, decision, outcome, reason, began)
    },
  }
}

/** Reads an answer whole and records how it came out, before anybody is told. The refusal when it was cut off meanwhile. */
export async function readWhole(
  enforcement: Enforcement,
  flight: Flight,
): Promise<{ readonly text: string } | { readonly refusal: Refusal } | { readonly failure: string }> {
  const read = await enforcement.upstreams.text(flight.answer)
  const good = flight.answer.status < 400
  if (read.ok) await flight.finish(good ? 'done' : 'failed', good ? 'upstream.answered' : 'upstream.error')
  else await flight.finish('failed', FAILURES[read.error])
  const why = flight.ended()
  if (why) return { refusal: why }
  return read.ok ? { text: read.value } : { failure: FAILURES[read.error] }
}
