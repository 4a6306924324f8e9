import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { issueTicket, openTicket, type TicketUse } from '../../flows/issue-ticket.ts'
import { isJsonObject, type JsonObject } from '../../lib/strict-json.ts'
import { narrowCapabilities } from './capabilities.ts'
import { withoutOurs } from './connect-first.ts'
import type { Exchange } from './exchange.ts'
import type { Message } from './message.ts'
import { META } from './revision.ts'

/**
 * The state that a server behind wants back with the input (2026-07-28, multi round-trip requests): as a ticket, for this caller and the
 * same request. A server that doesn't bind its state to anybody is given it back by nobody else.
 */
export function sealState(
  exchange: Pick<Exchange, 'enforcement' | 'caller' | 'message'>,
  state: string,
): string {
  return issueTicket(exchange.enforcement.point, exchange.caller, useOf(exchange.message), state)
}

function useOf({ method, params }: Message): TicketUse {
  return ['state', method, String(params['name'] ?? params['uri'] ?? params['taskId'] ?? '')]
}

/**
 * The message as it goes on: the client's capabilities narrowed to what may be asked of it here, and the server's own state in place of the
 * ticket for it. A state that nobody gave to this caller for this request goes nowhere.
 */
export function readStateful({
  enforcement,
  caller,
  message,
}: Pick<Exchange, 'enforcement' | 'caller' | 'message'>): Result<Message, Refusal> {
  const { _meta: meta, requestState: state } = message.params
  const params: Record<string, JsonObject[string]> = { ...message.params }
  const key = `${META}clientCapabilities`
  if (isJsonObject(meta) && meta[key] !== undefined)
    params['_meta'] = { ...meta, [key]: narrowCapabilities(caller, meta[key]) }
  if (params['inputResponses'] !== undefined) {
    const theirs = withoutOurs(params['inputResponses'])
    if (theirs) params['inputResponses'] = theirs
    else delete params['inputResponses']
  }
  if (state !== undefined) {
    const opened =
      typeof state === 'string' ? openTicket(enforcement.point, caller, useOf(message), state) : undefined
    if (opened === undefined || opened === 'expired') return err(NO_STATE)
    params['requestState'] = opened.text
  }
  return ok({ ...message, params, whole: { ...message.whole, params } })
}

const NO_STATE = refuse(
  'malformed',
  'mcp.state',
  'This requestState was not given to you for this request, or is too old. Begin again without it.',
)
