import type { ServerResponse } from 'node:http'
import { StringDecoder } from 'node:string_decoder'
import { blockText, createBlockReader, type EventBlock } from '../../lib/event-stream.ts'
import type { Halt } from '../../lib/halt.ts'
import type { UpstreamAnswer } from '../../lib/upstream-answer.ts'

/** What the client is sent for a block of the server behind; nothing where it may not have it. */
export type Pass = (block: EventBlock) => Promise<EventBlock | undefined>

/** Sends on what may pass, as it comes and in its order. Answers whether it came to its end; a response that must not go on is cut. */
export async function relayEvents(
  answer: UpstreamAnswer,
  response: ServerResponse,
  gone: Halt,
  pass: Pass,
): Promise<boolean> {
  const whole = await readEvents(answer, async (block) => {
    const passed = await pass(block)
    if (passed && !response.write(blockText(passed))) await drained(response, gone)
  })
  if (!whole) response.destroy()
  return whole
}

/** Takes each block as it comes. Whether it came to its end: half an answer is not one. */
export async function readEvents(
  answer: UpstreamAnswer,
  take: (block: EventBlock) => Promise<void>,
): Promise<boolean> {
  const reader = createBlockReader()
  const decoder = new StringDecoder('utf8')
  try {
    for await (const chunk of (answer.body.stream ?? []) as AsyncIterable<Buffer>) {
      const blocks = reader.push(decoder.write(chunk))
      if (!blocks) throw new Error('an event is longer than is passed on')
      for (const block of blocks) await take(block)
    }
    return true
  } catch {
    // The leg broke or was cut, or what came can't be recorded.
    answer.body.destroy()
    return false
  }
}

function drained(response: ServerResponse, gone: Halt): Promise<void> {
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
