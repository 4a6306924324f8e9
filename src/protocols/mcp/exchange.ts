import type { Content } from '../../core/policy/content.ts'
import type { Refusal } from '../../core/refusal.ts'
import type { GatewayCaller } from '../../flows/authenticate-at-gateway.ts'
import type { Called } from '../../flows/call-resource.ts'
import type { Enforcement } from '../../flows/enforcement.ts'
import { type Flight, type Forward, readWhole } from '../../flows/flight.ts'
import { recordRefusedMessage } from '../../flows/record-refused-message.ts'
import { createEventReader, eventOf } from '../../lib/event-stream.ts'
import type { DoorRequest, DoorResponse } from '../../lib/http/route.ts'
import { isJsonObject, type JsonObject, parseStrictJsonText } from '../../lib/strict-json.ts'
import { failedBehind, refusalAnswer, refusedCall, unjudged, unknownNamed, widerNeeded } from './answers.ts'
import { connectFirst } from './connect-first.ts'
import type { Message } from './message.ts'
import type { Named } from './named.ts'
import { type Era, type Headers, protocolHeaders } from './revision.ts'
import { ENDED, type SessionBehind } from './session.ts'
import { STREAM_HEADERS } from './stream.ts'

/** One message of a caller who is known, in the words of its revision. */
export type Exchange = {
  readonly enforcement: Enforcement
  readonly caller: GatewayCaller
  readonly message: Message
  readonly era: Era
  readonly request: DoorRequest
  /** Of the server behind, where it keeps sessions and the revision has them. */
  readonly session: SessionBehind | undefined
  /** Whether the answer must be whole, because it is given together with others. */
  readonly gather?: true
}

/** The contents that the resource declares. */
export function contentsHere({ caller: { target } }: Exchange): readonly Content[] {
  return target.view.resources.get(target.resource.resource)?.contents ?? []
}

/**
 * The message written anew from what was read, so that the server behind sees what policy saw; without one, a request that has none. It
 * goes in the session that the server keeps for this caller. `sent`: the caller's header fields, unless the message is our own.
 */
export function forwardOf(
  { request, session }: Exchange,
  whole: JsonObject | undefined,
  sent: Headers = request.headers,
): Forward {
  const headers = protocolHeaders(sent)
  const inSession = session ? { 'mcp-session-id': session.behind } : {}
  const common = { signal: request.gone, waits: request.waits }
  if (whole !== undefined)
    return { ...common, body: JSON.stringify(whole), headers: { ...headers, ...inSession } }
  const { 'content-type': _none, ...bare } = headers
  return { ...common, headers: { ...bare, ...inSession } }
}

/** Answers what could not even be judged, once it is recorded. */
export async function refusedMessage(
  { enforcement, caller, message }: Pick<Exchange, 'enforcement' | 'caller' | 'message'>,
  refusal: Refusal,
): Promise<DoorResponse> {
  await recordRefusedMessage(enforcement, caller, refusal)
  return unjudged(message.id ?? null, refusal)
}

/** What came instead of an answer, on the wire. */
export function notAnswered(
  exchange: Exchange,
  called: Exclude<Called, { readonly came: 'answer' }>,
  named?: Named,
): DoorResponse {
  const { caller, message, era, gather } = exchange
  const id = message.id ?? null
  const { decision } = called
  if (called.came === 'failure') return failedBehind(id, called.reason, decision)
  const { refusal, hidden, wider } = called
  const connect = connectFirst(exchange, named, refusal, decision)
  if (connect) return connect
  // Of several messages at once none can have a status of its own.
  if (wider && !gather) return widerNeeded(id, { decision, refusal, wider }, caller.target)
  if (named && hidden) return unknownNamed(id, named, decision, era)
  // Only a call has a result that can say no: what is asked for otherwise is answered by an error.
  const readable = named?.kind === 'tool' && READABLE.has(refusal.refused)
  return readable
    ? refusedCall(id, decision, refusal, era)
    : refusalAnswer(id, refusal, caller.target, decision)
}

const READABLE: ReadonlySet<Refusal['refused']> = new Set(['denied', 'ask', 'malformed'])

/** The statuses under which a server behind may answer in JSON-RPC; a 401 or 403 of its would start a login at the caller. */
const STATUSES: ReadonlySet<number> = new Set([200, 400, 404])

export function isRpc({ answer }: Flight): boolean {
  return STATUSES.has(answer.status) && answer.type === 'application/json'
}

export function isStream({ answer }: Flight): boolean {
  return answer.status === 200 && answer.type === 'text/event-stream'
}

/** What is not MCP is not passed on; but a 404 in a session says that it is over, whatever else it says. */
export async function notRpc({ message, session }: Exchange, flight: Flight): Promise<DoorResponse> {
  flight.answer.body.destroy()
  const ended = flight.answer.status === 404 && session !== undefined
  await flight.finish('failed', ended ? ENDED.reason : 'upstream.malformed')
  if (ended) return unjudged(message.id ?? null, ENDED)
  return failedBehind(message.id ?? null, 'upstream.malformed', flight.decision)
}

/** The one response to our message, whether it came as JSON or as the last event of a stream; or what to answer instead. */
export async function readResponse(
  exchange: Exchange,
  flight: Flight,
): Promise<{ readonly status: number; readonly response: JsonObject } | { readonly instead: DoorResponse }> {
  const { enforcement, message } = exchange
  if (!isRpc(flight) && !isStream(flight)) return { instead: await notRpc(exchange, flight) }
  const read = await readWhole(enforcement, flight)
  if ('refusal' in read)
    return { instead: notAnswered(exchange, { came: 'refusal', hidden: false, ...flight, ...read }) }
  const failure = 'failure' in read ? read.failure : undefined
  const response = 'text' in read ? responseIn(read.text, isStream(flight), message.id) : undefined
  if (response) return { status: flight.answer.status, response }
  if (flight.answer.status === 404 && exchange.session)
    return { instead: unjudged(message.id ?? null, ENDED) }
  return { instead: failedBehind(message.id ?? null, failure ?? 'upstream.malformed', flight.decision) }
}

/** As a stream of one event where the server behind chose a stream: its client may count on what that server does. */
export function inItsForm(
  { gather }: Exchange,
  flight: Flight,
  status: number,
  json: JsonObject,
): DoorResponse {
  if (gather || !isStream(flight)) return { status, json }
  return { status, headers: STREAM_HEADERS, text: eventOf(json), type: STREAM_HEADERS['content-type'] }
}

/** The response under that id in a body, JSON or a stream of events. */
export function responseIn(text: string, stream: boolean, id: Message['id']): JsonObject | undefined {
  const texts = stream ? (createEventReader().push(`${text}\n\n`) ?? []) : [text]
  for (const each of texts) {
    const read = parseStrictJsonText(each)
    if (isJsonObject(read) && read['id'] === id && ('result' in read || 'error' in read)) return read
  }
  return undefined
}
