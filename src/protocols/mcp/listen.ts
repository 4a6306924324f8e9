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

export type ListenOptions = {
  /** Between two signs of life on a silent stream, in milliseconds. Default 15 s. */
  readonly keepAlive: number
}

/**
 * `subscriptions/listen` (2026-07-28): acknowledged, and kept open as long as the caller would still be let in. It ends with a result,
 * so that the client knows that it ended, and is cut then; the leg to the server behind ends with it. Only changes of the tool list are
 * passed on.
 */
export async function listen(exchange: Exchange, options: ListenOptions): Promise<DoorResponse> {
  const { enforcement, caller, message } = exchange
  const { notifications } = message.params
  if (!isJsonObject(notifications) || message.id === undefined) {
    const says = 'params.notifications must say what to listen for.'
    return refusalAnswer(message.id ?? null, refuse('malformed', 'mcp.params', says), caller.target)
  }
  const wanted = { toolsListChanged: notifications['toolsListChanged'] === true }
  const whole = { ...message.whole, params: { ...message.params, notifications: wanted } }
  const opened = await openStream(enforcement, caller, forwardOf(exchange, whole))
  if (opened.came !== 'stream') return notAnswered(exchange, opened)
  const { id } = message
  const { stream } = opened
  return {
    takeOver: async (_request, response) => {
      response.writeHead(200, STREAM_HEADERS)
      response.write(eventOf(acknowledged(id, wanted.toolsListChanged)))
      const alive = setInterval(() => response.write(': alive\n\n'), options.keepAlive)
      if (stream.upstream) void passChanges(stream, id, response)
      const why = await stream.over
      clearInterval(alive)
      end(response, id, why)
      await stream.record(why)
    },
  }
}

function stamped(id: MessageId): JsonObject {
  return { [`${META}subscriptionId`]: id }
}

function acknowledged(id: MessageId, tools: boolean): JsonObject {
  const notifications: JsonObject = tools ? { toolsListChanged: true } : {}
  const params = { notifications, _meta: stamped(id) }
  return { jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params }
}

function end(response: ServerResponse, id: MessageId, why: StreamEnd): void {
  const reason = typeof why === 'object' ? { 'countersign/reason': why.reason } : {}
  const result = { resultType: 'complete', _meta: { ...stamped(id), ...reason } }
  response.end(eventOf({ jsonrpc: '2.0', id, result }))
}

const CHANGED = 'notifications/tools/list_changed'

/** Reads what the server behind says, and repeats only that its tools changed. Its end is the stream's end. */
async function passChanges(
  { upstream, close }: Stream,
  id: MessageId,
  response: ServerResponse,
): Promise<void> {
  const reader = createEventReader(64 * 1024)
  const decoder = new StringDecoder('utf8')
  try {
    for await (const chunk of (upstream?.body.stream ?? []) as AsyncIterable<Buffer>) {
      const events = reader.push(decoder.write(chunk))
      if (!events) break
      if (events.some(isToolsChanged)) {
        response.write(eventOf({ jsonrpc: '2.0', method: CHANGED, params: { _meta: stamped(id) } }))
      }
    }
  } catch {
    // The leg broke, or was ended with the stream; either way nothing more comes.
  }
  close('upstream')
}

function isToolsChanged(data: string): boolean {
  const read = parseStrictJsonText(data)
  return isJsonObject(read) && read['method'] === CHANGED
}
