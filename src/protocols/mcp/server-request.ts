import { refuse } from '../../core/refusal.ts'
import { issueTicket, openTicket } from '../../flows/issue-ticket.ts'
import type { JsonObject } from '../../lib/strict-json.ts'
import { askClient, readAsk, type Source } from './asks.ts'
import type { Exchange } from './exchange.ts'
import type { MessageId } from './message.ts'

/** Under which the server behind is told that it may not ask that: ours, outside what JSON-RPC and MCP reserve. */
const REFUSED = 403
/** Seconds that the client has for an answer: a person may have to be found. */
const ANSWER_WITHIN = 3600

/**
 * A request of the server behind to the client (2025-03-26 to 2025-11-25). One that may be asked goes on under an id that is a ticket, so
 * that an answer is taken, at whichever gateway, only from this caller, in this session, and only to what was asked. Else the server is
 * told why not, and the client nothing.
 */
export async function passRequest(
  exchange: Exchange,
  source: Source,
  asked: Map<string, string>,
  message: JsonObject,
): Promise<JsonObject | undefined> {
  const { era, session, enforcement, caller } = exchange
  // 2026-07-28: servers send no requests.
  if (era === 'modern') return undefined
  const id = message['id'] as MessageId
  const answer = (said: object) => void source.aside(JSON.stringify({ jsonrpc: '2.0', id, ...said }))
  if (message['method'] === 'ping') return answer({ result: {} })
  const unheard = session === undefined || exchange.gather ? NO_WAY_BACK : undefined
  const judged = await askClient(exchange, source, readAsk(message), unheard)
  if (!judged.ok || session === undefined) {
    const { says, reason } = judged.ok ? NO_WAY_BACK : judged.error
    return answer({ error: { code: REFUSED, message: says, data: { reason } } })
  }
  const use = ['ask', session.behind] as const
  const ticket = issueTicket(enforcement.point, caller, use, JSON.stringify(id), ANSWER_WITHIN)
  asked.set(JSON.stringify(id), ticket)
  return { ...message, id: ticket, params: judged.value }
}

/** The id under which the server behind asked what the client answers now. */
export function askedAs(
  { enforcement, caller, session }: Pick<Exchange, 'enforcement' | 'caller' | 'session'>,
  id: MessageId,
): MessageId | undefined {
  if (session === undefined || typeof id !== 'string') return undefined
  const opened = openTicket(enforcement.point, caller, ['ask', session.behind], id)
  return opened === undefined || opened === 'expired' ? undefined : (JSON.parse(opened.text) as MessageId)
}

const NO_WAY_BACK = refuse(
  'denied',
  'asks.no_way_back',
  'The client can not be asked here: there is no session to answer in, or it wants the whole answer at once.',
)
export const NOT_ASKED = refuse(
  'malformed',
  'mcp.response',
  'This answers nothing that you were asked in this session.',
)
