import type { ServerResponse } from 'node:http'
import { StringDecoder } from 'node:string_decoder'
import { type Flight, readWhole } from '../../flows/flight.ts'
import { createEventReader, eventOf } from '../../lib/event-stream.ts'
import type { Halt } from '../../lib/halt.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { isJsonObject, type JsonObject, parseStrictJsonText } from '../../lib/strict-json.ts'
import { failedBehind } from './answers.ts'
import { type Exchange, isRpc, isStream, notAnswered, notRpc } from './exchange.ts'
import type { Named } from './named.ts'
import { STREAM_HEADERS } from './stream.ts'

/** Changes the result that the server behind answered with, where it must not be passed on as it came. */
export type Edit = (result: JsonObject) => JsonObject

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
  const { request } = exchange
  const pass = edit === undefined ? (text: string) => text : editing(exchange, edit)
  return {
    takeOver: async (_request, response) => {
      response.writeHead(200, STREAM_HEADERS)
      flight.leg.onEnd(() => response.destroy())
      const whole = await passOn(flight, response, pass, request.gone)
      if (!whole) response.destroy()
      // The end of the stream is the end of the answer, so it waits for the record.
      await flight.finish(whole ? 'done' : 'failed', whole ? 'upstream.answered' : 'upstream.broke_off')
      response.end()
    },
  }
}

/** Whether the stream came to its end. */
async function passOn(
  flight: Flight,
  response: ServerResponse,
  pass: (text: string) => string | undefined,
  gone: Halt,
): Promise<boolean> {
  const decoder = new StringDecoder('utf8')
  try {
    for await (const chunk of (flight.answer.body.stream ?? []) as AsyncIterable<Buffer>) {
      const text = pass(decoder.write(chunk))
      if (text === undefined) return false
      if (text !== '' && !response.write(text)) await drained(response, gone)
    }
    return true
  } catch {
    // The leg broke, or was ended; the record says which.
    return false
  }
}

/** Event by event, each written anew; nothing more once one can't be read. */
function editing(exchange: Exchange, edit: Edit): (text: string) => string | undefined {
  const reader = createEventReader()
  return (text) => {
    let passed = ''
    for (const data of reader.push(text) ?? ['']) {
      const message = parseStrictJsonText(data)
      if (!isJsonObject(message)) return undefined
      passed += eventOf(editedIn(message, exchange, edit))
    }
    return passed
  }
}

function editedIn(message: JsonObject, { message: { id } }: Exchange, edit: Edit): JsonObject {
  const { result } = message
  return message['id'] === id && isJsonObject(result) ? { ...message, result: edit(result) } : message
}

function drained(response: NodeJS.WritableStream, gone: Halt): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.removeListener('drain', done)
      gone.removeEventListener('abort', done)
      resolve()
    }
    response.once('drain', done)
    gone.addEventListener('abort', done)
    if (gone.aborted) done()
  })
}
