import { readWhole } from '../../flows/flight.ts'
import { enterResource } from '../../flows/list-tools.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { type Exchange, forwardOf, notAnswered } from './exchange.ts'

const TAKEN: DoorResponse = { status: 202, empty: true }

/** What a server behind has a use for, in a session that it keeps. */
const PASSED: ReadonlySet<string> = new Set([
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
])

/** A notification of the client. Without a session it concerns nobody: nothing that a client only tells us changes what is allowed. */
export async function tellServer(exchange: Exchange): Promise<DoorResponse> {
  const { message, session } = exchange
  return session && PASSED.has(message.method) ? passOn(exchange) : TAKEN
}

async function passOn(exchange: Exchange): Promise<DoorResponse> {
  const { enforcement, caller, message } = exchange
  const called = await enterResource(enforcement, caller, forwardOf(exchange, message.whole))
  if (called.came !== 'answer') return notAnswered(exchange, called)
  await readWhole(enforcement, called.flight)
  return TAKEN
}
