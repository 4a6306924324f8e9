import { type Flight, readWhole } from '../../flows/flight.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { isJsonObject, parseStrictJsonText } from '../../lib/strict-json.ts'
import { failedBehind } from './answers.ts'
import { type Exchange, isRpc, isStream, notAnswered, notRpc } from './exchange.ts'
import type { Named } from './named.ts'
import { type Edit, editedIn, passageOf } from './passage.ts'
import { relayEvents } from './relay-events.ts'
import { STREAM_HEADERS } from './stream.ts'

/** The answer to a message that was forwarded, as it came, or with its result changed. */
export async function relay(
  exchange: Exchange,
  flight: Flight,
  named: Named,
  edit?: Edit,
): Promise<DoorResponse> {
  if (isRpc(flight)) return relayWhole(exchange, flight, named, edit)
  return isStream(flight) ? relayStream(exchange, flight, edit) : notRpc(exchange, flight)
}

/** As it came, byte for byte, where it is not changed: nothing of ours is in it. */
async function relayWhole(
  exchange: Exchange,
  flight: Flight,
  named: Named,
  edit: Edit | undefined,
): Promise<DoorResponse> {
  const id = exchange.message.id ?? null
  const read = await readWhole(exchange.enforcement, flight)
  if ('refusal' in read)
    return notAnswered(exchange, { came: 'refusal', hidden: false, ...flight, ...read }, named)
  if ('failure' in read) return failedBehind(id, read.failure, flight.decision)
  const { status } = flight.answer
  if (edit === undefined) return { status, text: read.text, type: 'application/json' }
  const message = parseStrictJsonText(read.text)
  if (!isJsonObject(message)) return failedBehind(id, 'upstream.malformed', flight.decision)
  return { status, json: editedIn(message, exchange, edit) }
}

/** Passed on as it comes. Cut off without a word when it may not go on: half an answer is not one. */
function relayStream(exchange: Exchange, flight: Flight, edit: Edit | undefined): DoorResponse {
  const { request, message } = exchange
  return {
    takeOver: async (_request, response) => {
      response.writeHead(200, STREAM_HEADERS)
      flight.leg.onEnd(() => response.destroy())
      const pass = passageOf(exchange, message.id ?? null, edit)
      const whole = await relayEvents(flight.answer, response, request.gone, pass)
      // The end of the stream is the end of the answer, so it waits for the record.
      await flight.finish(whole ? 'done' : 'failed', whole ? 'upstream.answered' : 'upstream.broke_off')
      response.end()
    },
  }
}
