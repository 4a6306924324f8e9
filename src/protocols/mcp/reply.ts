import { readWhole } from '../../flows/flight.ts'
import { enterResource } from '../../flows/list-tools.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { isJsonObject, type JsonObject } from '../../lib/strict-json.ts'
import { failedStatus, unjudged } from './answers.ts'
import { type Exchange, forwardOf, notAnswered, refusedMessage } from './exchange.ts'
import { isId, type MessageId } from './message.ts'
import { askedAs, NOT_ASKED } from './server-request.ts'
import { ENDED } from './session.ts'

/** A response, which only a client of the revisions before 2026-07-28 sends: to what its server asked. */
export type Reply = { readonly id: MessageId; readonly whole: JsonObject }

/** Undefined for anything else; what is wrong with that, is said where messages are read. */
export function readReply(json: unknown): Reply | undefined {
  if (!isJsonObject(json) || json['jsonrpc'] !== '2.0' || json['method'] !== undefined) return undefined
  const { id } = json
  const one = (json['result'] === undefined) !== (json['error'] === undefined)
  return one && id !== undefined && isId(id) ? { id, whole: json } : undefined
}

/** Goes to the server that asked, in the session that it asked in, under the id that it asked with. */
export async function takeReply(exchange: Exchange, { id, whole }: Reply): Promise<DoorResponse> {
  const { enforcement, caller } = exchange
  const asked = askedAs(exchange, id)
  if (asked === undefined) return refusedMessage(exchange, NOT_ASKED)
  const { result, error } = whole
  const said = result === undefined ? { error: error ?? null } : { result }
  const forward = forwardOf(exchange, { jsonrpc: '2.0', id: asked, ...said })
  const called = await enterResource(enforcement, caller, forward)
  if (called.came !== 'answer') return notAnswered(exchange, called)
  const { status } = called.flight.answer
  await readWhole(enforcement, called.flight)
  if (status === 404) return unjudged(null, ENDED)
  return status < 300 ? { status: 202, empty: true } : failedStatus(status, 'upstream.malformed')
}
