import type { ServerResponse } from 'node:http'
import { StringDecoder } from 'node:string_decoder'
import { refuse } from '../../core/refusal.ts'
import { openStream, type Stream, type StreamEnd } from '../../flows/open-stream.ts'
import { createEventReader, eventOf } from '../../lib/event-stream.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { isJsonObject, type JsonObject, parseStrictJsonText } from '../../lib/strict-json.ts'
import { refusalAnswer } from './answers.ts'
import { type Exchange, forwardOf, notAnswered } from './exchange.ts'
import type { MessageId } from './message.ts'
import { META } from './revision.ts'
import { STREAM_HEADERS } from './stream.ts'
import {
  ACKNOWLEDGED,
  agreedTo,
  filterHere,
  type Heard,
  inItsWords,
  passedNews,
  readFilter,
  writeFilter,
} from './subscription-filter.ts'

export type ListenOptions = {
  /** Between two signs of life on a silent stream, in milliseconds. Default 15 s. */
  readonly keepAlive: number
}

/**
 * `subscriptions/listen` (2026-07-28): kept open as long as the caller would still be let in. It ends with a result, so that the client
 * knows that it ended, and is cut then; the leg to the server behind ends with it. What is asked of the server behind, acknowledged and
 * passed on is what this caller may hear: changes of lists, and of contents that it may read.
 */
export async function listen(exchange: Exchange, options: ListenOptions): Promise<DoorResponse> {
  const { enforcement, caller, message } = exchange
  const { id } = message
  const stated = readFilter(message.params['notifications'])
  if (stated === undefined || id === undefined) {
    const says = 'params.notifications must say what to listen for, of at most 100 URIs and 100 tasks.'
    return refusalAnswer(id ?? null, refuse('malformed', 'mcp.params', says), caller.target)
  }
  const wanted = filterHere(exchange, stated)
  const params = { ...message.params, notifications: writeFilter(wanted) }
  const opened = await openStream(enforcement, caller, forwardOf(exchange, { ...message.whole, params }))
  if (opened.came !== 'stream') return notAnswered(exchange, opened)
  const { stream } = opened
  return {
    takeOver: async (_request, response) => {
      response.writeHead(200, STREAM_HEADERS)
      const alive = setInterval(() => response.write(': alive\n\n'), options.keepAlive)
      if (stream.upstream) void passNews(exchange, stream, wanted, response)
      else response.write(eventOf(acknowledged(id, agreedTo(wanted, {}))))
      const why = await stream.over
      clearInterval(alive)
      end(response, id, why)
      await stream.record(why)
    },
  }
}

function stamped(id: MessageId | undefined): JsonObject {
  return { [`${META}subscriptionId`]: id ?? null }
}

/** Only what the server behind agreed to as well. */
function acknowledged(id: MessageId | undefined, agreed: Heard): JsonObject {
  const params = { notifications: writeFilter(inItsWords(agreed)), _meta: stamped(id) }
  return { jsonrpc: '2.0', method: ACKNOWLEDGED, params }
}

function end(response: ServerResponse, id: MessageId, why: StreamEnd): void {
  const reason = typeof why === 'object' ? { 'countersign/reason': why.reason } : {}
  const result = { resultType: 'complete', _meta: { ...stamped(id), ...reason } }
  response.end(eventOf({ jsonrpc: '2.0', id, result }))
}

/** Tells the client first to what the server behind agrees, then its news. Its end is the stream's end. */
async function passNews(
  exchange: Exchange,
  stream: Stream,
  wanted: Heard,
  response: ServerResponse,
): Promise<void> {
  const { id } = exchange.message
  let agreed: Heard | undefined
  try {
    for await (const said of saidOn(stream)) {
      if (agreed === undefined) {
        agreed = agreedIn(said, wanted)
        if (agreed) response.write(eventOf(acknowledged(id, agreed)))
        continue
      }
      const news = passedNews(exchange, agreed, said)
      if (news) response.write(eventOf(withId(news, id)))
    }
  } catch {
    // The leg broke, or was ended with the stream; either way nothing more comes.
  }
  stream.close('upstream')
}

async function* saidOn({ upstream }: Stream): AsyncGenerator<JsonObject> {
  const reader = createEventReader(64 * 1024)
  const decoder = new StringDecoder('utf8')
  for await (const chunk of (upstream?.body.stream ?? []) as AsyncIterable<Buffer>) {
    const events = reader.push(decoder.write(chunk))
    if (!events) return
    yield* events.map(parseStrictJsonText).filter(isJsonObject)
  }
}

/** Nothing may come before it. */
function agreedIn({ method, params }: JsonObject, wanted: Heard): Heard | undefined {
  if (method !== ACKNOWLEDGED || !isJsonObject(params)) return undefined
  return agreedTo(wanted, params['notifications'])
}

function withId({ method, params }: JsonObject, id: MessageId | undefined): JsonObject {
  const own = isJsonObject(params) ? params : {}
  return { jsonrpc: '2.0', method: method ?? '', params: { ...own, _meta: stamped(id) } }
}
