import { errors, Pool } from 'undici'
import type { Halt } from './halt.ts'
import { answerTaker, type UpstreamAnswer } from './upstream-answer.ts'

/** Limits of the leg to servers behind us, in milliseconds, counts and bytes. */
export type UpstreamLimits = {
  /** Connections to one origin. Default 64. */
  readonly connections: number
  /** Connections to one origin for streams that stay open, beside those. Default 10,000. */
  readonly streams: number
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
  connectTimeout: 5000,
  headersTimeout: 60_000,
  bodyTimeout: 60_000,
  maxBytes: 8 * 1024 * 1024,
}

export type UpstreamRequest = {
  readonly url: URL
  /** POST when absent. GET and DELETE have no body. */
  readonly method?: 'POST' | 'GET' | 'DELETE'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: Halt
  /** Instead of the limit's. */
  readonly bodyTimeout?: number
}

/** Why nothing came back: `aborted` by the given signal. */
export type UpstreamProblem = 'aborted' | 'timeout' | 'unreachable' | 'too_large'
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

/**
 * Two pools of kept connections per origin, made when first used: a stream that stays open holds its connection, and must not keep
 * calls from theirs.
 */
export function createUpstreams(given: Partial<UpstreamLimits> = {}): Upstreams {
  const limits = { ...UPSTREAM_LIMITS, ...given }
  const pools = new Map<string, Pool>()
  const poolOf = (origin: string, stays: boolean) => {
    const name = stays ? `stream ${origin}` : origin
    const known = pools.get(name)
    if (known) return known
    const { connectTimeout, headersTimeout, bodyTimeout } = limits
    const connections = stays ? limits.streams : limits.connections
    const made = new Pool(origin, {
      connections,
      connect: { timeout: connectTimeout },
      headersTimeout,
      bodyTimeout,
    })
    pools.set(name, made)
    return made
  }
  return {
    send: ({ url, method = 'POST', headers, body = null, signal, bodyTimeout = limits.bodyTimeout }) =>
      new Promise((settle) => {
        const resolve = (value: UpstreamAnswer) => settle({ ok: true, value })
        const reject = (error: unknown) => settle({ ok: false, error: problemOf(error, signal) })
        const path = url.pathname + url.search
        try {
          const taker = answerTaker(signal, limits.maxBytes, { resolve, reject })
          poolOf(url.origin, bodyTimeout === 0).dispatch({ path, method, headers, body, bodyTimeout }, taker)
        } catch (error) {
          reject(error)
        }
      }),
    text: (answer) => readText(answer, limits.maxBytes),
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()))
    },
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
