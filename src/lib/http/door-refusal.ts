import type { DoorResponse, Route } from './route.ts'

/** A no that the door gives before a route runs, or when a route broke. `reason` is a stable code of `docs/errors.md`. */
export type DoorRefusal = {
  readonly status: number
  readonly reason: string
  readonly says: string
  readonly headers?: Readonly<Record<string, string>>
}

type Shape = Route['errors']

/** The refusal in the words of the protocol behind the route: RFC 6749 §5.2, RFC 9457, or JSON-RPC 2.0 §5.1. */
export function refusalResponse(refusal: DoorRefusal, shape: Shape): DoorResponse {
  const headers = { ...refusal.headers, 'content-type': TYPES[shape] }
  return { status: refusal.status, headers, json: BODIES[shape](refusal) }
}

const TYPES: Readonly<Record<Shape, string>> = {
  oauth: 'application/json',
  problem: 'application/problem+json',
  jsonrpc: 'application/json',
}

const BODIES: Readonly<Record<Shape, (refusal: DoorRefusal) => unknown>> = {
  oauth: ({ status, reason, says }) => ({ error: oauthError(status), error_description: says, reason }),
  problem: ({ status, reason, says }) => ({ type: 'about:blank', title: says, status, reason }),
  jsonrpc: ({ status, reason, says }) => ({
    jsonrpc: '2.0',
    id: null,
    error: { code: jsonRpcCode(status, reason), message: says, data: { reason } },
  }),
}

function oauthError(status: number): string {
  if (status === 503 || status === 429) return 'temporarily_unavailable'
  return status >= 500 ? 'server_error' : 'invalid_request'
}

function jsonRpcCode(status: number, reason: string): number {
  if (status >= 500) return -32603
  if (status === 429) return 429
  return reason === 'http.json' ? -32700 : -32600
}
