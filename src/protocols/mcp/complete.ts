import { contentWith } from '../../core/policy/content.ts'
import type { Flight } from '../../flows/flight.ts'
import { askAboutTool, isVisible } from '../../flows/list-tools.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { inTurns } from '../../lib/in-turns.ts'
import { isJsonObject, type JsonObject } from '../../lib/strict-json.ts'
import { refusalAnswer } from './answers.ts'
import { contentsHere, type Exchange, forwardOf, notAnswered, readResponse } from './exchange.ts'
import { type Completion, readCompletion } from './named.ts'

/**
 * `completion/complete`: for who may know of the prompt or the content, and without the values with which it would certainly be refused:
 * they are names of what others may see.
 */
export async function complete(exchange: Exchange): Promise<DoorResponse> {
  const { enforcement, caller, message } = exchange
  const completion = readCompletion(message, contentsHere(exchange))
  if (!completion.ok) return refusalAnswer(message.id ?? null, completion.error, caller.target)
  const { named, tool } = completion.value
  const called = await askAboutTool(enforcement, caller, tool, forwardOf(exchange, message.whole))
  if (called.came !== 'answer') return notAnswered(exchange, called, named)
  const read = await readResponse(exchange, called.flight)
  if ('instead' in read) return read.instead
  const { response, status } = read
  const { result } = response
  if (!isJsonObject(result)) return { status, json: response }
  return {
    status,
    json: { ...response, result: await narrowed(exchange, called.flight, completion.value, result) },
  }
}

/** How many there are in all is left out: it would count what was taken away. */
async function narrowed(
  exchange: Exchange,
  { decision }: Flight,
  completion: Completion,
  result: JsonObject,
): Promise<JsonObject> {
  const { completion: stated } = result
  const offered = isJsonObject(stated) && Array.isArray(stated['values']) ? stated['values'] : []
  const values: string[] = []
  await inTurns(offered, async (value) => {
    if (typeof value !== 'string') return true
    const asked = withValue(exchange, completion, value)
    if (asked && (await isVisible(exchange.enforcement, decision, asked.tool, asked.known)))
      values.push(value)
    return true
  })
  const more =
    isJsonObject(stated) && typeof stated['hasMore'] === 'boolean' ? { hasMore: stated['hasMore'] } : {}
  return { ...result, completion: { values, ...more } }
}

type Known = { readonly tool: string; readonly known: Readonly<Record<string, string>> }

/** What would be known of the use with this value; nothing where it would be of no URI that is taken here. */
function withValue(
  exchange: Exchange,
  { named, tool, argument, others }: Completion,
  value: string,
): Known | undefined {
  const given = { ...others, [argument]: value }
  if (named.kind !== 'content') return { tool, known: given }
  const asked = contentWith(contentsHere(exchange), named.name, given)
  return asked && { tool: asked.tool, known: asked.input }
}
