import { StringDecoder } from 'node:string_decoder'
import { callResource } from '../../flows/call-resource.ts'
import { type Flight, readWhole } from '../../flows/flight.ts'
import type { Halt } from '../../lib/halt.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { failedBehind, refusalAnswer } from './answers.ts'
import { type Exchange, forwardOf, isRpc, isStream, notAnswered, notRpc } from './exchange.ts'
import { readToolParams } from './message.ts'
import { STREAM_HEADERS } from './stream.ts'

/** `tools/call`: judged with its arguments, each time, also when it is the retry of one that asked for input. */
export async function callTool(exchange: Exchange): Promise<DoorResponse> {
  const { enforcement, caller, message } = exchange
  const read = readToolParams(message)
  if (!read.ok) return refusalAnswer(message.id ?? null, read.error, caller.target)
  const { name: tool, input, text } = read.value
  const called = await callResource(
    enforcement,
    caller,
    { tool, input },
    text,
    forwardOf(exchange, message.whole),
  )
  if (called.came !== 'answer') return notAnswered(exchange, called, tool)
  const { flight } = called
  if (isRpc(flight)) return relayWhole(exchange, flight, tool)
  return isStream(flight) ? relayStream(exchange, flight) : notRpc(exchange, flight)
}

/** As it came, byte for byte: nothing of ours is in it. */
async function relayWhole(exchange: Exchange, flight: Flight, tool: string): Promise<DoorResponse> {
  const read = await readWhole(exchange.enforcement, flight)
  if ('refusal' in read)
    return notAnswered(exchange, { came: 'refusal', hidden: false, ...flight, ...read }, tool)
  if ('failure' in read) return failedBehind(exchange.message.id ?? null, read.failure, flight.decision)
  return { status: flight.answer.status, text: read.text, type: 'application/json' }
}

/** Passed on as it comes. Cut off without a word when it may not go on: half an answer is not one. */
function relayStream({ request }: Exchange, flight: Flight): DoorResponse {
  return {
    takeOver: async (_request, response) => {
      response.writeHead(200, STREAM_HEADERS)
      flight.leg.onEnd(() => response.destroy())
      const decoder = new StringDecoder('utf8')
      let whole = false
      try {
        for await (const chunk of (flight.answer.body.stream ?? []) as AsyncIterable<Buffer>) {
          if (!response.write(decoder.write(chunk))) await drained(response, request.gone)
        }
        whole = true
      } catch {
        response.destroy()
      }
      // The end of the stream is the end of the answer, so it waits for the record.
      await flight.finish(whole ? 'done' : 'failed', whole ? 'upstream.answered' : 'upstream.broke_off')
      response.end()
    },
  }
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
