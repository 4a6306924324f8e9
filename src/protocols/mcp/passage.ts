import { issueTicket, openTicket } from '../../flows/issue-ticket.ts'
import type { EventBlock } from '../../lib/event-stream.ts'
import { isJsonObject, type Json, type JsonObject, parseStrictJsonText } from '../../lib/strict-json.ts'
import { judgeAnswer, type Source } from './asks.ts'
import type { Exchange } from './exchange.ts'
import type { MessageId } from './message.ts'
import { mayHear } from './news.ts'
import type { Pass } from './relay-events.ts'
import { passRequest } from './server-request.ts'

/** Changes the result that the server behind answered with, where it must not be passed on as it came. */
export type Edit = {
  readonly change: (result: JsonObject) => JsonObject
  /** A text without it has nothing to change. */
  readonly mark?: string
}

/** What a stream is of: the answer to this request, or (null) nothing but what the server says by itself. */
export type StreamOf = MessageId | null

/** The answer that is waited for, what the server behind said it on, and what is changed of it. */
export type Expected = { readonly of: StreamOf; readonly source: Source; readonly edit?: Edit | undefined }

/**
 * What may pass from the server behind to the client, message by message: the answer that was asked for, what tells of its progress or of
 * changes, and what the server may ask. Everything else stays here. Ids of events become tickets, so that only this caller can go on from
 * them, in this session.
 */
export function passageOf(exchange: Exchange, expected: Expected): Pass {
  const asked = new Map<string, string>()
  const one = (message: Json | undefined) => passedMessage(exchange, expected, asked, message)
  return async (block) => {
    const said = block.data
    const data = said === undefined || said === '' ? said : await passedText(said, one)
    const { id: _theirs, data: _data, ...rest } = block
    const id = eventId(exchange, expected.of, block)
    const kept = { ...rest, ...(id !== undefined && { id }), ...(data !== undefined && { data }) }
    // An event without its data is only a place to go on from.
    if (data === undefined) delete (kept as { event?: string }).event
    return Object.keys(kept).length > 0 ? kept : undefined
  }
}

type One = (message: Json | undefined) => Promise<Json | undefined>

/** As it came, where nothing of it is changed. */
async function passedText(data: string, one: One): Promise<string | undefined> {
  const read = parseStrictJsonText(data)
  if (!Array.isArray(read)) {
    const passed = await one(read)
    if (passed === undefined) return undefined
    return passed === read ? data : JSON.stringify(passed)
  }
  // Only 2025-03-26 has arrays.
  const left: Json[] = []
  for (const each of read as readonly Json[]) {
    const passed = await one(each)
    if (passed !== undefined) left.push(passed)
  }
  return left.length === 0 ? undefined : JSON.stringify(left)
}

/** `asked`: under which id the client was asked what the server behind asked under its own. */
async function passedMessage(
  exchange: Exchange,
  { of, source, edit }: Expected,
  asked: Map<string, string>,
  message: Json | undefined,
): Promise<Json | undefined> {
  if (!isJsonObject(message)) return undefined
  const { id, method } = message
  if (method === undefined) {
    if (of === null || id !== of) return undefined
    const judged = await judgeAnswer(exchange, source, message)
    return edit ? editedIn(judged, exchange, edit) : judged
  }
  if (id !== undefined) return passRequest(exchange, source, asked, message)
  if (method === CANCELLED) return cancelled(asked, message)
  return mayHear(exchange, message) ? message : undefined
}

const CANCELLED = 'notifications/cancelled'

/** Of what the client was asked; it knows that by another id. */
function cancelled(asked: ReadonlyMap<string, string>, message: JsonObject): JsonObject | undefined {
  const { params } = message
  const requestId = isJsonObject(params) ? asked.get(JSON.stringify(params['requestId'])) : undefined
  return requestId === undefined
    ? undefined
    : { ...message, params: { ...(params as JsonObject), requestId } }
}

export function editedIn(message: JsonObject, { message: { id } }: Exchange, edit: Edit): JsonObject {
  const { result } = message
  return message['id'] === id && isJsonObject(result) ? { ...message, result: edit.change(result) } : message
}

/** Without a session nobody could go on from it. */
function eventId(
  { enforcement, caller, session }: Exchange,
  of: StreamOf,
  block: EventBlock,
): string | undefined {
  if (block.id === undefined || session === undefined) return undefined
  return issueTicket(enforcement.point, caller, ['event', session.behind], JSON.stringify([block.id, of]))
}

/** Where a client wants to go on from: the server's own id of that event, and what its stream was of. */
export function readEventId(
  { enforcement, caller, session }: Exchange,
  id: string,
): { readonly behind: string; readonly of: StreamOf } | undefined {
  if (session === undefined) return undefined
  const opened = openTicket(enforcement.point, caller, ['event', session.behind], id)
  if (opened === undefined || opened === 'expired') return undefined
  const [behind, of] = JSON.parse(opened.text) as readonly [string, StreamOf]
  return { behind, of }
}
