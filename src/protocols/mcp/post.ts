import { type Refusal, refuse, Unavailable } from '../../core/refusal.ts'
import { ok, type Result } from '../../core/result.ts'
import { recordRefusedMessage } from '../../flows/record-refused-message.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { type Json, parseStrictJsonText } from '../../lib/strict-json.ts'
import { problemAnswer, unavailable, unjudged } from './answers.ts'
import { type Exchange, refusedMessage } from './exchange.ts'
import { idOf, type Message, readMessage } from './message.ts'
import { readReply, takeReply } from './reply.ts'
import { type Era, eraOf, MODERN } from './revision.ts'
import { readSession, type SessionBehind } from './session.ts'
import { readStateful } from './state.ts'
import { tellServer } from './tell.ts'

export type Method = (exchange: Exchange) => Promise<DoorResponse>
export type Methods = (name: string, era: Era) => Method
/** Who posts, and what came with it. */
export type Arrival = Pick<Exchange, 'enforcement' | 'caller' | 'request'>
type Session = Result<SessionBehind | undefined, Refusal>

/** A message that was posted, or an array of them (2025-03-26). */
export function takePost(arrival: Arrival, methods: Methods): Promise<DoorResponse> {
  const { json } = arrival.request
  return Array.isArray(json)
    ? takeArray(arrival, json as readonly Json[], methods)
    : takeOne(arrival, json, methods, () => sessionOf(arrival))
}

function sessionOf({ enforcement, caller, request }: Arrival): Session {
  return readSession(enforcement, caller, request)
}

async function takeOne(
  arrival: Arrival,
  json: unknown,
  methods: Methods,
  sessionHere: () => Session,
  gather?: true,
): Promise<DoorResponse> {
  const { enforcement, caller, request } = arrival
  const common = { ...arrival, ...(gather && { gather }) }
  const reply = readReply(json)
  if (reply) {
    const modern = request.headers['mcp-protocol-version']?.includes(MODERN)
    const session = modern ? NO_SESSION : sessionHere()
    const message = { ...NO_MESSAGE, id: reply.id }
    if (!session.ok) return refusedMessage({ ...arrival, message }, session.error)
    return takeReply({ ...common, message, era: 'legacy', session: session.value }, reply)
  }
  const read = readMessage(json)
  if (!read.ok) return refusedAs(arrival, json, read.error)
  const era = eraOf(read.value, request.headers)
  if (typeof era === 'object') {
    await recordRefusedMessage(enforcement, caller, era)
    return problemAnswer(read.value.id ?? null, era)
  }
  // 2026-07-28 has no sessions, and `initialize` begins one: whatever id comes with these is no concern of theirs.
  const inSession = era === 'legacy' && read.value.method !== 'initialize'
  const session = inSession ? sessionHere() : NO_SESSION
  if (!session.ok) return refusedMessage({ ...arrival, message: read.value }, session.error)
  const message = era === 'modern' ? readStateful({ ...arrival, message: read.value }) : read
  if (!message.ok) return refusedMessage({ ...arrival, message: read.value }, message.error)
  const exchange = { ...common, message: message.value, era, session: session.value }
  return message.value.id === undefined ? tellServer(exchange) : methods(message.value.method, era)(exchange)
}

async function refusedAs(
  { enforcement, caller }: Arrival,
  json: unknown,
  refusal: Refusal,
): Promise<DoorResponse> {
  await recordRefusedMessage(enforcement, caller, refusal)
  return unjudged(idOf(json), refusal)
}

const NO_SESSION = ok(undefined)
export const NO_MESSAGE: Message = { id: undefined, method: '', params: {}, whole: {} }

/** Messages of one array at most. */
const MOST = 32
const ARRAYS = '2025-03-26'

/**
 * An array of 2025-03-26, whose like no later revision has: each message is judged by itself, has its own record and its own answer, and
 * goes to the server behind by itself; what becomes of one changes nothing for another.
 */
async function takeArray(arrival: Arrival, all: readonly Json[], methods: Methods): Promise<DoorResponse> {
  const session = sessionOf(arrival)
  if (!session.ok) return refusedAs(arrival, undefined, session.error)
  const { headers } = arrival.request
  // Without a header that revision is meant, unless the session says another.
  const revision = headers['mcp-protocol-version']?.join() ?? session.value?.revision ?? ARRAYS
  if (revision !== ARRAYS || all.length === 0 || all.length > MOST)
    return refusedAs(arrival, undefined, NO_ARRAY)
  const answers = await Promise.all(all.map((json) => takeElement(arrival, json, methods, session)))
  const said = answers.filter((answer) => answer !== undefined)
  return said.length === 0 ? { status: 202, empty: true } : { status: 200, json: said }
}

const NO_ARRAY = refuse(
  'malformed',
  'mcp.batch',
  `Send one message in each request. Only ${ARRAYS} has arrays, of ${MOST} messages at most.`,
)
const NOT_IN_ARRAY = refuse('malformed', 'mcp.batch', 'This is not sent in an array.')

async function takeElement(
  arrival: Arrival,
  json: Json,
  methods: Methods,
  session: Session,
): Promise<unknown> {
  try {
    const read = readMessage(json)
    const begins = read.ok && read.value.method === 'initialize'
    const answer = begins
      ? await refusedAs(arrival, json, NOT_IN_ARRAY)
      : await takeOne(arrival, json, methods, () => session, true)
    if ('json' in answer) return answer.json
    return 'text' in answer ? parseStrictJsonText(answer.text) : undefined
  } catch (fault) {
    if (!(fault instanceof Unavailable)) throw fault
    const answer = unavailable(idOf(json), fault.reason)
    return 'json' in answer ? answer.json : undefined
  }
}
