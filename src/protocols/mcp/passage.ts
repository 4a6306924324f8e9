import { issueTicket, openTicket } from '../../flows/issue-ticket.ts'
import type { EventBlock } from '../../lib/event-stream.ts'
import { isJsonObject, type Json, type JsonObject, parseStrictJsonText } from '../../lib/strict-json.ts'
import type { Exchange } from './exchange.ts'
import type { MessageId } from './message.ts'
import { mayHear } from './news.ts'
import type { Pass } from './relay-events.ts'

/** Changes the result that the server behind answered with, where it must not be passed on as it came. */
export type Edit = (result: JsonObject) => JsonObject

/** What a stream is of: the answer to this request, or (null) nothing but what the server says by itself. */
export type StreamOf = MessageId | null

/**
 * What may pass from the server behind to the client, message by message: the answer that was asked for, and what tells of its progress or
 * of changes. Everything else stays here. Ids of events become tickets, so that only this caller can go on from them, in this session.
 */
export function passageOf(exchange: Exchange, of: StreamOf, edit?: Edit): Pass {
  return async (block) => {
    const said = block.data
    const data = said === undefined || said === '' ? said : passed(exchange, of, said, edit)
    const { id: _theirs, data: _data, ...rest } = block
    const id = eventId(exchange, of, block)
    const kept = { ...rest, ...(id !== undefined && { id }), ...(data !== undefined && { data }) }
    // An event without its data is only a place to go on from.
    if (data === undefined) delete (kept as { event?: string }).event
    return Object.keys(kept).length > 0 ? kept : undefined
  }
}

/** The text of a message that may pass: as it came, where nothing of it is changed. */
function passed(exchange: Exchange, of: StreamOf, data: string, edit?: Edit): string | undefined {
  const read = parseStrictJsonText(data)
  if (isJsonObject(read)) {
    if (!mayPass(exchange, of, read)) return undefined
    return edit && read['method'] === undefined ? JSON.stringify(editedIn(read, exchange, edit)) : data
  }
  // Only 2025-03-26 has arrays.
  const all = Array.isArray(read) ? (read as readonly Json[]) : []
  const left = all.filter((each) => mayPass(exchange, of, each))
  return left.length === 0 ? undefined : JSON.stringify(left)
}

export function editedIn(message: JsonObject, { message: { id } }: Exchange, edit: Edit): JsonObject {
  const { result } = message
  return message['id'] === id && isJsonObject(result) ? { ...message, result: edit(result) } : message
}

function mayPass(exchange: Exchange, of: StreamOf, message: Json | undefined): boolean {
  if (!isJsonObject(message)) return false
  const { id, method } = message
  if (method === undefined) return of !== null && id === of
  return id === undefined && mayHear(exchange, message)
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
