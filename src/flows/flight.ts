import type { AccessRequest } from '../core/policy/access-request.ts'
import type { Allow } from '../core/policy/decision.ts'
import type { Refusal } from '../core/refusal.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { EpochMillis } from '../core/time.ts'
import { type Halt, Halting } from '../lib/halt.ts'
import type { UpstreamProblem } from '../lib/upstream.ts'
import type { UpstreamAnswer } from '../lib/upstream-answer.ts'
import type { GatewayCaller } from './authenticate-at-gateway.ts'
import { type ChainWatch, standing, type Watched } from './chain-watch.ts'
import { recordOutcome, recordRefusal } from './decide-at-gateway.ts'
import type { Enforcement } from './enforcement.ts'

/** What goes to the server behind: a message that was read and judged, written anew, and header fields of its protocol alone. */
export type Forward = {
  /** POST when absent. */
  readonly method?: 'GET' | 'DELETE'
  readonly body?: string
  readonly headers: Readonly<Record<string, string>>
  /** Aborts when the caller goes away. */
  readonly signal: Halt
  /** Why it must not go on, where something else than the call itself is watched. */
  readonly ended?: () => Refusal | undefined
  /** Milliseconds a stream may be silent; the limit's own when absent, 0 for a stream that stays open. */
  readonly bodyTimeout?: number
  /** For the audit: the method by which a tool is asked about, where that is not its call. */
  readonly about?: string
  /** Told when it leaves: from then on the server behind is waited for. */
  readonly waits?: () => void
}

/** An answer on its way. */
export type Flight = {
  readonly decision: Allow
  readonly answer: UpstreamAnswer
  readonly leg: InFlight
  /** Sends something beside it, to the same place with the same credential; how that is answered changes nothing. */
  readonly aside: (body: string) => Promise<void>
  /** Records how it came out, and lets go of it. */
  readonly finish: (outcome: 'done' | 'failed', reason: string) => Promise<void>
}

export const FAILURES: Readonly<Record<UpstreamProblem, string>> = {
  aborted: 'caller.gone',
  timeout: 'upstream.timeout',
  unreachable: 'upstream.unreachable',
  too_large: 'upstream.too_large',
  busy: 'upstream.busy',
}

/** The longest that one call may take, in milliseconds, however alive it looks. */
const CALL_MS = 300_000

/** A request that is on its way: it ends when the caller goes, and when what let it begin ends. One object, since each call makes one. */
export class InFlight implements Watched {
  readonly until: number
  readonly staleness = Number.POSITIVE_INFINITY
  /** Stops the leg to the server behind. */
  readonly halt = new Halting()
  /** Why it must not go on, if so. */
  ended: Refusal | undefined
  readonly #request: AccessRequest
  readonly #began: EpochMillis
  readonly #watch: ChainWatch
  readonly #caller: Halt
  readonly #gone = (): void => this.halt.stop()
  #tell: ((why: Refusal) => void) | undefined

  constructor({ point, watch }: Enforcement, caller: GatewayCaller, decision: Allow, forward: Forward) {
    this.#request = decision.request
    this.#began = point.now()
    this.#watch = watch
    this.#caller = forward.signal
    this.until = forward.bodyTimeout === 0 ? caller.access.chain.expires * 1000 : this.#began + CALL_MS
    watch.add(this)
    if (this.#caller.aborted) this.halt.stop()
    else this.#caller.addEventListener('abort', this.#gone)
  }

  /** Its times were judged when it began; from here on only what somebody changed can end it. */
  judge(snapshot: Snapshot): Refusal | undefined {
    return standing(this.#request, snapshot, this.#began)
  }

  end(why: Refusal): void {
    this.ended = why
    this.halt.stop()
    this.#tell?.(why)
  }

  /** Calls back once when it must not go on; at once if it is so already. */
  onEnd(listener: (why: Refusal) => void): void {
    this.#tell = listener
    if (this.ended) listener(this.ended)
  }

  /** Stops watching it, and nothing else. */
  release(): void {
    this.#watch.remove(this)
    this.#caller.removeEventListener('abort', this.#gone)
  }
}

export function landing(
  enforcement: Enforcement,
  decision: Allow,
  answer: UpstreamAnswer,
  leg: InFlight,
  began: number,
  aside: Flight['aside'],
): Flight {
  const finish: Flight['finish'] = (outcome, reason) => {
    leg.release()
    return leg.ended
      ? recordRefusal(enforcement, decision, leg.ended, began)
      : recordOutcome(enforcement, decision, outcome, reason, began)
  }
  return { decision, answer, leg, aside, finish }
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
  const why = flight.leg.ended
  if (why) return { refusal: why }
  return read.ok ? { text: read.value } : { failure: FAILURES[read.error] }
}
