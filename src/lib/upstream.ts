import { errors, Pool } from 'undici'
import { type Halt, Halting } from './halt.ts'
import { answerTaker, type UpstreamAnswer } from './upstream-answer.ts'

/** Limits of the leg to servers behind us, in milliseconds, counts and bytes. */
export type UpstreamLimits = {
  /** Connections of one lane to one origin. Default 64. */
  readonly connections: number
  /** Connections of one lane for streams that stay open, beside those. Default 10,000. */
  readonly streams: number
  /** Requests of one lane that wait for a connection; further ones are not sent. Default 256. */
  readonly queue: number
  /** How long one of them waits. Default 5 s. */
  readonly queueTimeout: number
  readonly connectTimeout: number
  /** From the request to the first byte of the answer. Default 60 s. */
  readonly headersTimeout: number
  /** Between two bytes of an answer. Default 60 s; a stream that is to stay open states 0. */
  readonly bodyTimeout: number
  /** An answer that is read whole. Default 8 MiB. */
  readonly maxBytes: number
}

export const UPSTREAM_LIMITS: UpstreamLimits = {
  connections: 64,
  streams: 10_000,
  queue: 256,
  queueTimeout: 5000,
  connectTimeout: 5000,
  headersTimeout: 60_000,
  bodyTimeout: 60_000,
  maxBytes: 8 * 1024 * 1024,
}

export type UpstreamRequest = {
  /** Whose request it is: those of one lane wait for each other, and for nobody else's. */
  readonly lane: string
  readonly url: URL
  /** POST when absent. GET and DELETE have no body. */
  readonly method?: 'POST' | 'GET' | 'DELETE'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: Halt
  /** Instead of the limit's. */
  readonly bodyTimeout?: number
}

/** Why nothing came back: `aborted` by the given signal; `busy`: not sent, since too much waits already. */
export type UpstreamProblem = 'aborted' | 'timeout' | 'unreachable' | 'too_large' | 'busy'
export type Forwarded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: UpstreamProblem }

export type Upstreams = {
  /** Redirects are not followed: the credential is for this URL alone. Never rejects. */
  send(request: UpstreamRequest): Promise<Forwarded<UpstreamAnswer>>
  /** Reads an answer whole, as UTF-8. */
  text(answer: UpstreamAnswer): Promise<Forwarded<string>>
  close(): Promise<void>
}

/** Kept connections of one lane to one origin; `open` counts what is on its way or waits. */
type Lane = { readonly pool: Pool; open: number }

/** Lanes that are kept; one that nothing is on its way in makes place for another. */
const MOST_LANES = 10_000

/**
 * Pools of kept connections, made when first used: two for each lane and origin, since a stream that stays open holds its connection, and
 * must not keep calls from theirs. A server that doesn't answer holds the connections of its lane, and no others.
 */
export function createUpstreams(given: Partial<UpstreamLimits> = {}): Upstreams {
  const limits = { ...UPSTREAM_LIMITS, ...given }
  const lanes = new Map<string, Lane>()
  const laneOf = ({ lane, url }: UpstreamRequest, stays: boolean): Lane => {
    const name = `${stays ? 'stream' : 'call'} ${url.origin} ${lane}`
    const known = lanes.get(name)
    if (known) return known
    if (lanes.size >= MOST_LANES) dropIdle(lanes)
    const made = { pool: openPool(url.origin, limits, stays), open: 0 }
    lanes.set(name, made)
    return made
  }
  return {
    send: (request) => {
      const stays = request.bodyTimeout === 0
      return sendIn(laneOf(request, stays), stays ? limits.streams : limits.connections, limits, request)
    },
    text: (answer) => readText(answer, limits.maxBytes),
    async close() {
      await Promise.all([...lanes.values()].map(({ pool }) => pool.destroy()))
    },
  }
}

function openPool(origin: string, limits: UpstreamLimits, stays: boolean): Pool {
  const { connectTimeout, headersTimeout, bodyTimeout, streams, connections } = limits
  const connect = { timeout: connectTimeout }
  return new Pool(origin, {
    connections: stays ? streams : connections,
    connect,
    headersTimeout,
    bodyTimeout,
  })
}

function dropIdle(lanes: Map<string, Lane>): void {
  for (const [name, { pool, open }] of lanes) {
    if (open > 0) continue
    lanes.delete(name)
    void pool.destroy()
    return
  }
}

/** Sends in its lane: at once where a connection is free, else when one gets free within the time to wait. */
function sendIn(
  lane: Lane,
  connections: number,
  limits: UpstreamLimits,
  request: UpstreamRequest,
): Promise<Forwarded<UpstreamAnswer>> {
  const { url, method = 'POST', headers, body = null, signal, bodyTimeout = limits.bodyTimeout } = request
  if (lane.open >= connections + limits.queue) return Promise.resolve({ ok: false, error: 'busy' })
  const must = new Waiting(signal, lane.open >= connections ? limits.queueTimeout : undefined)
  lane.open += 1
  return new Promise((settle) => {
    const taker = answerTaker(must.halt, limits.maxBytes, {
      resolve: (value) => settle({ ok: true, value }),
      reject: (error) => settle({ ok: false, error: must.late ? 'busy' : problemOf(error, signal) }),
      started: () => must.begun(),
      over: () => {
        must.begun()
        lane.open -= 1
      },
    })
    try {
      lane.pool.dispatch({ path: url.pathname + url.search, method, headers, body, bodyTimeout }, taker)
    } catch (error) {
      taker.onResponseError?.(undefined as never, error as Error)
    }
  })
}

/** What ends a request while it waits for a connection: its own signal, or that it waits too long. */
class Waiting {
  readonly halt: Halt
  late = false
  readonly #timer: NodeJS.Timeout | undefined

  constructor(signal: Halt, patienceMs: number | undefined) {
    if (patienceMs === undefined) {
      this.halt = signal
      return
    }
    const halting = new Halting()
    this.halt = halting
    if (signal.aborted) halting.stop()
    else signal.addEventListener('abort', () => halting.stop())
    this.#timer = setTimeout(() => {
      this.late = true
      halting.stop()
    }, patienceMs)
  }

  begun(): void {
    clearTimeout(this.#timer)
  }
}

async function readText({ body }: UpstreamAnswer, maxBytes: number): Promise<Forwarded<string>> {
  try {
    if (body.whole) return { ok: true, value: (await body.whole()).toString('utf8') }
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of body.stream as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > maxBytes) {
        body.destroy()
        return { ok: false, error: 'too_large' }
      }
      chunks.push(chunk)
    }
    return { ok: true, value: Buffer.concat(chunks).toString('utf8') }
  } catch (error) {
    return { ok: false, error: problemOf(error, undefined) }
  }
}

function problemOf(error: unknown, signal: Halt | undefined): UpstreamProblem {
  if (signal?.aborted || error instanceof errors.RequestAbortedError) return 'aborted'
  const timeout =
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError ||
    error instanceof errors.ConnectTimeoutError
  return timeout ? 'timeout' : 'unreachable'
}
