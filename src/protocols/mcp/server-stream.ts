import type { ServerResponse } from 'node:http'
import { refuse } from '../../core/refusal.ts'
import { openStream, type Stream } from '../../flows/open-stream.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { failedStatus, METHOD_NOT_ALLOWED, unjudged } from './answers.ts'
import { type Exchange, forwardOf, notAnswered, refusedMessage } from './exchange.ts'
import type { ListenOptions } from './listen.ts'
import { passageOf, readEventId, type StreamOf } from './passage.ts'
import { relayEvents } from './relay-events.ts'
import { ENDED } from './session.ts'
import { STREAM_HEADERS } from './stream.ts'

/**
 * The stream of a session that the client opens by GET (2025-03-26 to 2025-11-25): what the server behind says by itself, or, from the id of
 * an event on, what was left of an answer. It is open as long as its caller would still be let in, and is cut then: these revisions have no
 * word for an end, and the next request is told why.
 */
export async function openServerStream(exchange: Exchange, options: ListenOptions): Promise<DoorResponse> {
  const { enforcement, caller } = exchange
  const from = goOnFrom(exchange)
  if (from === 'unknown') return refusedMessage(exchange, NO_EVENT)
  const headers = { accept: 'text/event-stream', ...(from && { 'last-event-id': from.behind }) }
  const forward = forwardOf(exchange, undefined)
  const opened = await openStream(enforcement, caller, {
    ...forward,
    method: 'GET',
    headers: { ...forward.headers, ...headers },
  })
  if (opened.came !== 'stream') return notAnswered(exchange, opened)
  const { stream } = opened
  if (stream.upstream === undefined) return noStream(exchange, stream)
  return {
    takeOver: async (_request, response) => {
      response.writeHead(200, STREAM_HEADERS)
      response.flushHeaders()
      const alive = setInterval(() => response.write(': alive\n\n'), options.keepAlive)
      void pour(stream, from?.of ?? null, exchange, response)
      const why = await stream.over
      clearInterval(alive)
      if (typeof why === 'object') response.destroy()
      else response.end()
      await stream.record(why)
    },
  }
}

async function pour(
  stream: Stream,
  of: StreamOf,
  exchange: Exchange,
  response: ServerResponse,
): Promise<void> {
  const { gone } = exchange.request
  const { upstream, close } = stream
  const pass = passageOf(exchange, { of, source: stream })
  if (upstream) await relayEvents(upstream, response, gone, pass)
  close(gone.aborted ? 'caller' : 'upstream')
}

const NO_EVENT = refuse(
  'malformed',
  'session.event',
  'Last-Event-ID names no event that you were sent in this session.',
)

function goOnFrom(exchange: Exchange): ReturnType<typeof readEventId> | 'unknown' {
  const [id, ...more] = exchange.request.headers['last-event-id'] ?? []
  if (id === undefined) return undefined
  return (more.length === 0 ? readEventId(exchange, id) : undefined) ?? 'unknown'
}

/** The server behind keeps no such stream, or doesn't know the session any more. */
async function noStream(exchange: Exchange, stream: Stream): Promise<DoorResponse> {
  stream.close('upstream')
  await stream.record('upstream')
  if (stream.status === 404 && exchange.session) return unjudged(null, ENDED)
  return stream.status === 405 ? METHOD_NOT_ALLOWED : failedStatus(stream.status, 'upstream.malformed')
}
