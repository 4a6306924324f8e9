import { readWhole } from '../../flows/flight.ts'
import { enterResource } from '../../flows/list-tools.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { failedStatus, METHOD_NOT_ALLOWED, unjudged } from './answers.ts'
import { type Exchange, forwardOf, notAnswered, refusedMessage } from './exchange.ts'
import { ENDED, MISSING } from './session.ts'

/**
 * DELETE (2025-03-26 to 2025-11-25): ends the session at the server behind. Our id is only a ticket for it, so it is over everywhere with
 * it; where that server could not be told, that is said.
 */
export async function endSession(exchange: Exchange): Promise<DoorResponse> {
  const { enforcement, caller, session } = exchange
  if (session === undefined) return refusedMessage(exchange, MISSING)
  const forward = { ...forwardOf(exchange, undefined), method: 'DELETE' } as const
  const called = await enterResource(enforcement, caller, forward)
  if (called.came === 'refusal') return notAnswered(exchange, called)
  if (called.came === 'failure') return failedStatus(502, 'session.not_ended')
  const { flight } = called
  const { status } = flight.answer
  await readWhole(enforcement, flight)
  if (status === 404) return unjudged(null, ENDED)
  // A server may keep its clients from ending sessions.
  if (status === 405) return METHOD_NOT_ALLOWED
  return status < 300 ? { status: 204, empty: true } : failedStatus(status, 'session.not_ended')
}
