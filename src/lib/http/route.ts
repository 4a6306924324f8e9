import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Halt } from '../halt.ts'

/** Who may call a route. The test of strangers walks the table: every guard but `public` refuses a caller that proves nothing. */
export type Guard = 'public' | 'evidence' | 'agent' | 'gateway' | 'admin'

/** How a body is read before the route sees it: strictly, bounded, and refused with a 4xx otherwise. */
export type Takes = 'nothing' | 'form' | 'json'

/** A request after the door: path parameters matched, body parsed, peer address known. Headers are lower case; repeated ones keep every value. */
export type DoorRequest = {
  readonly method: string
  /** Path as it was sent, without query. */
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  readonly query: ReadonlyMap<string, string>
  readonly headers: Readonly<Record<string, readonly string[]>>
  /** `form`: each parameter once, except those a route lists as repeatable. `json`: the value. `nothing`: undefined. */
  readonly form: ReadonlyMap<string, readonly string[]>
  readonly json: unknown
  readonly address: string
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal
  /** Tells the same, without the cost of an AbortSignal. */
  readonly gone: Halt
  /** From here on others are waited for: the turn that this request had goes to the next. */
  readonly waits: () => void
}

export type DoorResponse =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly json: unknown }
  | {
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly text: string
      readonly type: string
    }
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly empty: true }
  /** The route writes the response itself: event streams and proxied bodies. */
  | { readonly takeOver: (request: IncomingMessage, response: ServerResponse) => Promise<void> }

/** Which scripts of other sites may call a route and read its answers (Fetch standard, CORS). They never bring cookies. */
export type Cors = {
  readonly origins: 'any' | ReadonlySet<string>
  /** Request headers that they may send, beyond those that every script may. `*` doesn't stand for `authorization`. */
  readonly headers: readonly string[]
  /** Headers of an answer that they may read. */
  readonly expose: readonly string[]
}

/**
 * One line of the route table. `path` has `:name` segments: `/t/:tenant/token`. No route can be served that is not in a table.
 * `errors` names the shape of refusals made before the route runs.
 */
export type Route = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly guard: Guard
  readonly takes: Takes
  readonly errors: 'oauth' | 'problem' | 'jsonrpc'
  readonly repeatable?: readonly string[]
  readonly maxBytes?: number
  /** Whether every answer gives the caller's `X-Request-ID` back. One that can't be given back safely is refused. */
  readonly givesRequestId?: true
  /** Absent: no script of another site. */
  readonly cors?: Cors
  readonly run: (request: DoorRequest) => Promise<DoorResponse>
  /** Told of a body that the door refuses, before that is answered, so that it can be written down whose it was. */
  readonly refusesBody?: (request: Headless, reason: string) => Promise<void>
}

/** A request whose body was not taken. */
export type Headless = Pick<DoorRequest, 'method' | 'params' | 'headers' | 'address'>
