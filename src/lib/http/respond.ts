import type { IncomingMessage, ServerResponse } from 'node:http'
import type { DoorResponse } from './route.ts'

/** Nothing here is a page: no sniffing, no framing, no caching unless a route says so. */
const ALWAYS: readonly (readonly [string, string])[] = [
  ['x-content-type-options', 'nosniff'],
  ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
  ['referrer-policy', 'no-referrer'],
  ['cache-control', 'no-store'],
]

/** Writes an answer whole, with its length, at once. Streams are written by the route itself (`takeOver`), in time. */
export function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: DoorResponse,
): Promise<void> | undefined {
  if ('takeOver' in answer) return answer.takeOver(request, response)
  const body = bodyOf(answer)
  const headers: string[] = []
  const given = answer.headers ?? {}
  for (const [name, value] of ALWAYS) if (given[name] === undefined) headers.push(name, value)
  if (body !== undefined && given['content-type'] === undefined) headers.push('content-type', typeOf(answer))
  for (const name of Object.keys(given)) headers.push(name, given[name] ?? '')
  const bytes = body === undefined ? 0 : Buffer.byteLength(body)
  if (answer.status !== 204) headers.push('content-length', String(bytes))
  response.writeHead(answer.status, headers)
  // ASCII is the same bytes either way, and written out faster as what it is.
  response.end(body, bytes === body?.length ? 'latin1' : 'utf8')
  return undefined
}

type Whole = Exclude<DoorResponse, { readonly takeOver: unknown }>

function bodyOf(answer: Whole): string | undefined {
  if ('json' in answer) return JSON.stringify(answer.json)
  return 'text' in answer ? answer.text : undefined
}

function typeOf(answer: Whole): string {
  return 'type' in answer ? answer.type : 'application/json'
}
