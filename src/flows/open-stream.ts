import type { Allow, Decision } from '../core/policy/decision.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { type Halt, Halting } from '../lib/halt.ts'
import type { UpstreamAnswer } from '../lib/upstream-answer.ts'
import { type GatewayCaller, stalenessMs } from './authenticate-at-gateway.ts'
import { type Called, send } from './call-resource.ts'
import { stillAllowed, type Watched } from './chain-watch.ts'
import { decideAtGateway, recordOutcome, recordRefusal } from './decide-at-gateway.ts'
import type { Enforcement } from './enforcement.ts'
import type { Flight, Forward } from './flight.ts'

/** Why an open stream is over: it may not go on, the caller went away, or nothing more comes from behind. */
export type StreamEnd = Refusal | 'caller' | 'upstream'

/** A stream that stays open as long as it would still be allowed. */
export type Stream = {
  readonly decision: Allow
  /** What the server behind says; absent where it keeps no such stream, and ours has only our own news. */
  readonly upstream: UpstreamAnswer | undefined
  /** The status that it answered with. */
  readonly status: number
  readonly aside: Flight['aside']
  readonly over: Promise<StreamEnd>
  /** Ends it from our side, and the leg to the server behind with it. */
  readonly close: (why: 'caller' | 'upstream') => void
  /** Records how it ended; after the caller was cut off, since an end can't wait. */
  readonly record: (why: StreamEnd) => Promise<void>
}

export type Opened =
  | { readonly came: 'stream'; readonly stream: Stream }
  | Exclude<Called, { readonly came: 'answer' }>

/** Opens a stream of changes: decided as entering the resource, and again after every change until it ends. */
export async function openStream(
  enforcement: Enforcement,
  caller: GatewayCaller,
  forward: Forward,
): Promise<Opened> {
  const began = performance.now()
  const decision = await decideAtGateway(enforcement, caller, { kind: 'enter' })
  if (decision.outcome !== 'allow') return refusal(decision, decision.refusal)
  if (enforcement.watch.size >= enforcement.maxOpen) {
    await recordRefusal(enforcement, decision, FULL, began)
    return refusal(decision, FULL)
  }
  const line = openLine(enforcement, caller, decision, forward.signal)
  const sent = await send(
    enforcement,
    caller,
    decision,
    { ...forward, bodyTimeout: 0, signal: line.signal, ended: line.ended },
    began,
  )
  if (sent.came !== 'answer') {
    line.close('upstream')
    return sent
  }
  const { answer, leg, aside } = sent.flight
  const live = answer.status === 200 && answer.type === 'text/event-stream'
  if (!live) answer.body.destroy()
  void line.over.then(() => leg.release())
  const stream: Stream = {
    decision,
    upstream: live ? answer : undefined,
    status: answer.status,
    aside,
    over: line.over,
    close: line.close,
    record: async (why) => {
      if (typeof why === 'object') await recordRefusal(enforcement, decision, why, began)
      else await recordOutcome(enforcement, decision, 'done', ENDS[why], began)
    },
  }
  return { came: 'stream', stream }
}

const FULL = refuse(
  'limited',
  'stream.limit',
  'This gateway keeps as many streams open as it can; try again later.',
)
const ENDS = { caller: 'stream.closed', upstream: 'upstream.ended' } as const

function refusal(decision: Decision, why: Refusal): Opened {
  return { came: 'refusal', decision, refusal: why, hidden: false }
}

type Line = {
  readonly signal: Halt
  readonly over: Promise<StreamEnd>
  /** Why it was ended from our side, if so. */
  readonly ended: () => Refusal | undefined
  readonly close: (why: StreamEnd) => void
}

function openLine(
  { watch, engine }: Enforcement,
  { target, access }: GatewayCaller,
  { request }: Allow,
  caller: Halt,
): Line {
  const halt = new Halting()
  const { promise: over, resolve } = Promise.withResolvers<StreamEnd>()
  let ended: Refusal | undefined
  const close = (why: StreamEnd) => {
    if (typeof why === 'object') ended ??= why
    watch.remove(watched)
    caller.removeEventListener('abort', gone)
    resolve(why)
    halt.stop()
  }
  const gone = () => close('caller')
  const watched: Watched = {
    judge: (snapshot, now) => stillAllowed(engine, request, snapshot, now),
    until: access.chain.expires * 1000,
    staleness: stalenessMs(target, 'read'),
    end: close,
  }
  watch.add(watched)
  if (caller.aborted) gone()
  else caller.addEventListener('abort', gone)
  return { signal: halt, over, ended: () => ended, close }
}
