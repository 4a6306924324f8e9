import { type Flight, readWhole } from '../../flows/flight.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { isJsonObject, type Json, parseStrictJsonText } from '../../lib/strict-json.ts'
import { failedBehind } from './answers.ts'
import { judgeAnswer, mayAsk } from './asks.ts'
import { type Exchange, isRpc, isStream, notAnswered, notRpc } from './exchange.ts'
import type { Named } from './named.ts'
import { type Edit, editedIn, passageOf } from './passage.ts'
import { readEvents, relayEvents } from './relay-events.ts'
import { STREAM_HEADERS } from './stream.ts'

/** The answer to a message that was forwarded, as it came, or with its result changed. */
export async function relay(
  exchange: Exchange,
  flight: Flight,
  named: Named,
  edit?: Edit,
): Promise<DoorResponse> {
  if (isRpc(flight)) return relayWhole(exchange, flight, named, edit)
  if (!isStream(flight)) return notRpc(exchange, flight)
  return exchange.gather ? gatherStream(exchange, flight, named, edit) : relayStream(exchange, flight, edit)
}

/** The answer at the end of a stream, by itself: what was told before it has nowhere to go. */
async function gatherStream(
  exchange: Exchange,
  flight: Flight,
  named: Named,
  edit: Edit | undefined,
): Promise<DoorResponse> {
  const id = exchange.message.id ?? null
  const pass = passageOf(exchange, { of: id, source: flight, edit })
  let answer: Json | undefined
  const whole = await readEvents(flight.answer, async (block) => {
    const passed = parseStrictJsonText((await pass(block))?.data ?? '')
    if (isJsonObject(passed) && passed['method'] === undefined) answer = passed
  })
  const good = whole && answer !== undefined
  await flight.finish(good ? 'done' : 'failed', good ? 'upstream.answered' : 'upstream.broke_off')
  const why = flight.leg.ended
  if (why) return notAnswered(exchange, { came: 'refusal', hidden: false, ...flight, refusal: why }, named)
  return good ? { status: 200, json: answer } : failedBehind(id, 'upstream.unreachable', flight.decision)
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
  const asIs = { status, text: read.text, type: 'application/json' }
  const change = edit && read.text.includes(edit.mark ?? '') ? edit : undefined
  if (change === undefined && !mayAsk(read.text)) return asIs
  const message = parseStrictJsonText(read.text)
  if (!isJsonObject(message)) return failedBehind(id, 'upstream.malformed', flight.decision)
  const judged = await judgeAnswer(exchange, flight, message)
  if (change) return { status, json: editedIn(judged, exchange, change) }
  return judged === message ? asIs : { status, json: judged }
}

/** Passed on as it comes. Cut off without a word when it may not go on: half an answer is not one. */
function relayStream(exchange: Exchange, flight: Flight, edit: Edit | undefined): DoorResponse {
  const { request, message } = exchange
  return {
    takeOver: async (_request, response) => {
      response.writeHead(200, STREAM_HEADERS)
      flight.leg.onEnd(() => response.destroy())
      const pass = passageOf(exchange, { of: message.id ?? null, source: flight, edit })
      const whole = await relayEvents(flight.answer, response, request.gone, pass)
      // The end of the stream is the end of the answer, so it waits for the record.
      await flight.finish(whole ? 'done' : 'failed', whole ? 'upstream.answered' : 'upstream.broke_off')
      response.end()
    },
  }
}
