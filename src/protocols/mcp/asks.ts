import { type Ask, judgeAsk } from '../../core/policy/asks.ts'
import type { Refusal } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import type { Flight } from '../../flows/flight.ts'
import { recordAsk } from '../../flows/record-ask.ts'
import { isJsonObject, type Json, type JsonObject } from '../../lib/strict-json.ts'
import { rpcError } from './answers.ts'
import { asksHere } from './capabilities.ts'
import type { Exchange } from './exchange.ts'
import { sealState } from './state.ts'

/** What something stands on that the server behind says: the decision that let it, and the way back. */
export type Source = Pick<Flight, 'decision' | 'aside'>

/** Judged by what the resource declares, unless it can't be asked anyway (`unheard`), and recorded either way. */
export async function askClient(
  { enforcement, caller }: Exchange,
  { decision }: Pick<Source, 'decision'>,
  ask: Ask,
  unheard?: Refusal,
): Promise<Result<JsonObject, Refusal>> {
  const judged = unheard ? err(unheard) : judgeAsk(asksHere(caller), ask)
  await recordAsk(enforcement, decision, ask.method, judged.ok ? undefined : judged.error)
  return judged.ok ? ok(judged.value as JsonObject) : judged
}

/** Whether a text could be an answer that asks for something: a name in JSON can be written without an escape, or with one. */
export function mayAsk(text: string): boolean {
  return text.includes('input') || text.includes('"error"') || text.includes('\\u')
}

/** The code by which a server of 2025-11-25 says that the user must open a page first. */
const URL_NEEDED = -32042

/**
 * An answer of the server behind as the client may have it. One that asks for input (2026-07-28: `input_required`; 2025-11-25: an error
 * that names pages) passes if all of it may be asked for; else the client is told why there is no answer.
 */
export async function judgeAnswer(
  exchange: Exchange,
  source: Source,
  answer: JsonObject,
): Promise<JsonObject> {
  const asked = asksIn(answer)
  if (asked === undefined) return answer
  const passed: Record<string, Json> = {}
  for (const [key, ask] of Object.entries(asked)) {
    const judged = await askClient(exchange, source, readAsk(ask))
    if (!judged.ok) return refusedAnswer(exchange, source, judged.error)
    passed[key] = { ...(ask as JsonObject), params: judged.value }
  }
  const { result } = answer
  if (!isJsonObject(result)) return answer
  const { requestState: state } = result
  const sealed = typeof state === 'string' && { requestState: sealState(exchange, state) }
  return { ...answer, result: { ...result, inputRequests: passed, ...sealed } }
}

/** What an answer asks for, by the keys that it gives; undefined where it asks for nothing. */
function asksIn({ result, error }: JsonObject): Readonly<Record<string, Json>> | undefined {
  if (isJsonObject(result)) {
    const { resultType, inputRequests } = result
    if (resultType !== 'input_required' && inputRequests === undefined) return undefined
    return isJsonObject(inputRequests) ? inputRequests : {}
  }
  if (!isJsonObject(error) || error['code'] !== URL_NEEDED) return undefined
  const { data } = error
  const pages =
    isJsonObject(data) && Array.isArray(data['elicitations']) ? (data['elicitations'] as Json[]) : []
  return Object.fromEntries(pages.map((params, at) => [at, { method: 'elicitation/create', params }]))
}

export function readAsk(ask: Json): Ask {
  const { method, params = {} } = isJsonObject(ask) ? ask : {}
  return { method: typeof method === 'string' ? method : '', params: isJsonObject(params) ? params : {} }
}

function refusedAnswer({ message }: Exchange, { decision }: Source, { reason, says }: Refusal): JsonObject {
  const data = { reason, decision: decision.id }
  return rpcError(200, message.id ?? null, 403, says, data).json as JsonObject
}
