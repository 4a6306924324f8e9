import type { Decision } from '../../core/policy/decision.ts'
import type { Refusal } from '../../core/refusal.ts'
import type { Target } from '../../flows/authenticate-at-gateway.ts'
import { refusalResponse } from '../../lib/http/door-refusal.ts'
import { DOOR_REFUSALS } from '../../lib/http/door-refusals.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { DPOP_ALGORITHMS } from '../../lib/jose/dpop.ts'
import type { MessageId } from './message.ts'
import type { Named } from './named.ts'
import { CODES, type Era, type RevisionProblem } from './revision.ts'

type Id = MessageId | null
type Whole = Extract<DoorResponse, { readonly json: unknown }>

/**
 * Our own JSON-RPC codes, outside what JSON-RPC and MCP reserve (2026-07-28, schema): the HTTP status that the same refusal has at a
 * plain API. Where the specification has a code, that is used.
 */
const OWN = {
  unauthenticated: 401,
  denied: 403,
  stale: 401,
  ask: 403,
  unknown: 404,
  limited: 429,
  failed: 502,
  unavailable: 503,
} as const

export function rpcError(
  status: number,
  id: Id,
  code: number,
  message: string,
  data: Readonly<Record<string, unknown>>,
): Whole {
  return { status, json: { jsonrpc: '2.0', id, error: { code, message, data } } }
}

export function rpcResult(id: Id, result: Readonly<Record<string, unknown>>): Whole {
  return { status: 200, json: { jsonrpc: '2.0', id, result } }
}

export function problemAnswer(id: Id, { status, code, reason, says, data }: RevisionProblem): Whole {
  return rpcError(status, id, code, says, { ...data, reason })
}

/** A method that isn't there is 404 in 2026-07-28, and an ordinary error before it. */
export function unknownMethod(id: Id, method: string, era: Era): Whole {
  const says = `Method not found: ${method}`
  return rpcError(era === 'modern' ? 404 : 200, id, CODES.method, says, { reason: 'mcp.method' })
}

/** The same words for what isn't there and for what this caller may not know of. */
export function unknownNamed(id: Id, { kind, name }: Named, decision: Decision, era: Era): Whole {
  const data = { reason: 'tool.unknown', decision: decision.id }
  if (kind === 'task') return unknownTask(id)
  if (kind !== 'content') return rpcError(200, id, CODES.params, `Unknown ${kind}: ${name}`, data)
  // Revisions before 2026-07-28 have a code of their own for it (2025-11-25, server/resources).
  const code = era === 'modern' ? CODES.params : CODES.resource
  return rpcError(200, id, code, 'Resource not found', { ...data, uri: name })
}

/** A task that never was, somebody else's, and one of a tool that is hidden by now. */
export function unknownTask(id: Id): Whole {
  return rpcError(200, id, CODES.params, 'Task not found', { reason: 'task.unknown' })
}

/** A refusal as a result that the model can read and act on: it keeps the conversation going, where an HTTP error would start a login. */
export function refusedCall(id: Id, decision: Decision, refusal: Refusal, era: Era): Whole {
  return rpcResult(id, {
    ...(era === 'modern' ? { resultType: 'complete' } : {}),
    isError: true,
    content: [{ type: 'text', text: refusal.says }],
    _meta: { 'countersign/decision': decision.id, 'countersign/reason': refusal.reason },
  })
}

/** A refusal on this protocol's wire (ARCHITECTURE §8), outside of calls. */
export function refusalAnswer(id: Id, refusal: Refusal, target: Target, decision?: Decision): DoorResponse {
  const { reason, says } = refusal
  const data = decision === undefined ? { reason } : { reason, decision: decision.id }
  switch (refusal.refused) {
    case 'unauthenticated':
    case 'stale':
      return challenged(rpcError(401, id, OWN.unauthenticated, says, data), refusal, target)
    case 'malformed':
      return rpcError(400, id, CODES.params, says, data)
    case 'denied':
    case 'ask':
      return rpcError(200, id, OWN[refusal.refused], says, data)
    case 'unknown':
      return rpcError(200, id, CODES.params, says, data)
    case 'limited':
      return { ...rpcError(429, id, OWN.limited, says, data), headers: { 'retry-after': '1' } }
  }
}

type Wider = {
  readonly decision: Decision
  readonly refusal: Refusal
  readonly wider: readonly string[]
}

/**
 * The one 403: a client that asks its person again gets what it needs (RFC 6750 §3.1). Everything that it then asks for is in one challenge, what it has
 * included: clients take it by the letter.
 */
export function widerNeeded(id: Id, { decision, refusal, wider }: Wider, target: Target): Whole {
  const { reason, says } = refusal
  const parameters = [
    'error="insufficient_scope"',
    `scope="${wider.join(' ')}"`,
    `resource_metadata="${metadataUrl(target)}"`,
    `error_description="${quotable(says)}"`,
  ]
  return {
    ...rpcError(403, id, OWN.denied, says, { reason, decision: decision.id }),
    headers: { 'www-authenticate': `Bearer ${parameters.join(', ')}` },
  }
}

/** Of a message that could not even be judged. 404 tells a client that its session is over, and to begin another. */
export function unjudged(id: Id, { refused, reason, says }: Refusal): Whole {
  return refused === 'unknown'
    ? rpcError(404, id, OWN.unknown, says, { reason })
    : rpcError(400, id, -32600, says, { reason })
}

/** There is no stream to open, or no session to end, by this method. */
export const METHOD_NOT_ALLOWED: DoorResponse = {
  ...refusalResponse(DOOR_REFUSALS.method, 'jsonrpc'),
  headers: { allow: 'POST', 'content-type': 'application/json' },
}

/** Where no message could be answered: the status that the server behind had for it, or that it failed. */
export function failedStatus(status: number, reason: string): Whole {
  const says = SAYS[reason] ?? 'The server behind did not answer as it should.'
  return rpcError(status === 400 ? 400 : 502, null, OWN.failed, says, { reason })
}

/** What could not be done now, and was not: nothing was answered that isn't recorded. */
export function unavailable(id: Id, reason: string): DoorResponse {
  const says = 'Not possible right now; nothing was done. Try again.'
  return { ...rpcError(503, id, OWN.unavailable, says, { reason }), headers: { 'retry-after': '1' } }
}

/** On 200: clients lose the explanation of a JSON-RPC error under any other status. */
export function failedBehind(id: Id, reason: string, decision: Decision): Whole {
  const says = SAYS[reason] ?? 'The server behind did not answer as it should.'
  const code = reason === 'upstream.busy' ? OWN.unavailable : OWN.failed
  return rpcError(200, id, code, says, { reason, decision: decision.id })
}

const SAYS: Readonly<Record<string, string>> = {
  'session.not_ended':
    'The server behind could not be told that this session is over; it ends there by itself, when that server says so.',
  'upstream.timeout': 'The server behind did not answer in time; whether it acted is not known.',
  'upstream.unreachable':
    'The server behind could not be reached, or broke off; whether it acted is not known.',
  'upstream.busy':
    'The server behind has as many of your calls waiting as it is given at once; nothing was done. Try again in a moment.',
  'upstream.too_large': 'The answer of the server behind is larger than is passed on.',
  'upstream.unauthorized': 'The server behind did not take the credential that was made for it.',
}

export function metadataUrl({ uri }: Target): string {
  const { origin, pathname } = new URL(uri)
  return `${origin}/.well-known/oauth-protected-resource${pathname}`
}

function challenged(answer: Whole, refusal: Refusal, target: Target): Whole {
  return { ...answer, headers: { ...answer.headers, 'www-authenticate': challenge(refusal, target) } }
}

/**
 * One challenge with plain quoted parameters: clients read the header with a pattern, and take the first they find (RFC 6750 §3,
 * RFC 9449 §7.1, RFC 9728 §5.1). No scope is named: tokens are not wider without one, and naming tools would show hidden ones.
 */
export function challenge({ reason, says }: Refusal, target: Target): string {
  const proof = reason.startsWith('dpop.') || reason === 'token.bound'
  const error =
    reason === 'token.missing'
      ? []
      : [`error="${errorCode(reason)}"`, `error_description="${quotable(says)}"`]
  const algorithms = proof ? [`algs="${DPOP_ALGORITHMS.join(' ')}"`] : []
  const parameters = [`resource_metadata="${metadataUrl(target)}"`, ...error, ...algorithms]
  return `${proof ? 'DPoP' : 'Bearer'} ${parameters.join(', ')}`
}

/** RFC 6750 §3: printable ASCII without quotation mark and backslash. */
function quotable(says: string): string {
  return says.replaceAll(/["`\\]/g, "'").replaceAll(/[^\x20-\x7e]/g, '?')
}

function errorCode(reason: string): string {
  if (reason === 'dpop.nonce') return 'use_dpop_nonce'
  if (reason === 'token.several' || reason === 'token.scheme') return 'invalid_request'
  return reason.startsWith('dpop.') && reason !== 'dpop.key_mismatch' ? 'invalid_dpop_proof' : 'invalid_token'
}
