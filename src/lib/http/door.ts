import { isAscii } from 'node:buffer'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Turn } from '../fair-share.ts'
import { parseStrictJson } from '../strict-json.ts'
import { corsHeaders, preflight } from './cors.ts'
import { type DoorRefusal, refusalResponse } from './door-refusal.ts'
import { DOOR_REFUSALS } from './door-refusals.ts'
import { isMediaType } from './media-type.ts'
import { type Parameters, readParameters } from './parameters.ts'
import { drainBody, hasBody, readBody } from './read-body.ts'
import { Departure, departureSignal, peerAddress, requestHeaders } from './request-parts.ts'
import { respond } from './respond.ts'
import type { Cors, DoorRequest, DoorResponse, Route } from './route.ts'
import type { Router } from './router.ts'
import { refusedTurn, type Turns } from './turns.ts'

/** Limits in bytes, milliseconds and counts. */
export type HttpLimits = {
  /** Body of a route that states none. Default 64 KiB. */
  readonly maxBytes: number
  /** All header fields together. Default 16 KiB. */
  readonly headerBytes: number
  readonly headerCount: number
  /** From the first byte to the end of the headers. Default 10 s. */
  readonly headersTimeout: number
  /** From the first byte to the end of the body. Default 30 s. */
  readonly requestTimeout: number
  readonly keepAlive: number
  /** Open at once; further ones are closed as they come. Default 16,384. */
  readonly connections: number
  /** How long `close` waits for requests in flight. Default 5 s. */
  readonly grace: number
}

export const LIMITS: HttpLimits = {
  maxBytes: 64 * 1024,
  headerBytes: 16 * 1024,
  headerCount: 64,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAlive: 65_000,
  connections: 16_384,
  grace: 5000,
}

/** What one server judges requests by. */
export type Door = {
  readonly router: Router
  readonly limits: HttpLimits
  readonly onFault: (fault: unknown, route: Route) => void
  /** Where requests wait for their turn; none do without. */
  readonly turns?: Turns | undefined
}

const EMPTY_FORM: Parameters = new Map()
const EMPTY_QUERY: ReadonlyMap<string, string> = new Map()

/** Everything between bytes and a route: match, headers, body, query, run, answer. Never rejects. */
export async function handle(
  door: Door,
  request: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
): Promise<void> {
  const target = request.url ?? ''
  const at = target.indexOf('?')
  const path = at < 0 ? target : target.slice(0, at)
  const match = door.router(request.method ?? '', path)
  if (match.found !== 'route') return answerNoRoute(match, request, response)
  const { route, params } = match
  // Before anything can refuse: whatever is answered, a script that may call here can read it.
  if (route.cors) letRead(route.cors, request, response)
  const given = route.givesRequestId ? requestIdOf(request) : NO_HEADERS
  if (given === undefined) return answerRefusal(request, response, DOOR_REFUSALS.requestId, route.errors)
  let turn = NO_TURN
  try {
    const came = await arrive(door, match, request, response, expectsContinue)
    if ('status' in came) return await refuseBody(route, params, request, response, came, given)
    turn = came.turn
    const read = readRequest(route, came)
    if ('status' in read) return await refuseBody(route, params, request, response, read, given)
    const query = readQuery(at < 0 ? '' : target.slice(at + 1))
    if (!query) return await answerRefusal(request, response, DOOR_REFUSALS.query, route.errors, given)
    const place = { path, params, query, waits: turn.done }
    const answer = await route.run(new Arrived(read, place, request, response))
    // A stream may last for long, and costs little.
    turn.done()
    await respond(request, response, closing(withHeaders(answer, given), request))
  } catch (fault) {
    door.onFault(fault, route)
    await answerFault(request, response, fault, route.errors, given)
  } finally {
    turn.done()
  }
}

/** Too many at once are no body that was refused: they are counted elsewhere. */
async function refuseBody(
  route: Route,
  params: DoorRequest['params'],
  request: IncomingMessage,
  response: ServerResponse,
  refusal: DoorRefusal,
  given: Headers,
): Promise<void> {
  if (route.refusesBody && refusal.status !== 429 && !response.destroyed) {
    const { method = '', rawHeaders } = request
    const headers = requestHeaders(rawHeaders)
    await route.refusesBody({ method, params, headers, address: peerAddress(request) }, refusal.reason)
  }
  await answerRefusal(request, response, refusal, route.errors, given)
}

const NO_TURN: Turn = { done: () => {} }

/** The bytes of a request, once it is its turn. Too many that wait are refused before a byte of the body is read. */
async function arrive(
  door: Door,
  { route, params }: Extract<ReturnType<Router>, { readonly found: 'route' }>,
  request: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
): Promise<(Bytes & { readonly turn: Turn }) | DoorRefusal> {
  const key = door.turns?.keyOf(route, params)
  const share = key === undefined ? undefined : door.turns?.share
  const full = share?.refusal(key ?? '')
  if (full) return refusedTurn(full)
  const bytes = await readBytes(door, route, request, response, expectsContinue)
  if ('status' in bytes || !share) return 'status' in bytes ? bytes : { ...bytes, turn: NO_TURN }
  // Not before: a body that comes slowly must not keep others from their turn.
  const taken = await share.take(key ?? '', () => response.destroyed)
  return 'retryAfter' in taken ? refusedTurn(taken) : { ...bytes, turn: taken }
}

type Headers = Readonly<Record<string, string>>
const NO_HEADERS: Headers = {}
/** What a header can carry back as it came, and nothing that another reader could take for more than one line. */
const REQUEST_ID = /^[\x20-\x7e]{1,200}$/

/** The header that gives a caller's request id back; undefined when it can't be, and Node joins repeated fields, so those are one text. */
function requestIdOf(request: IncomingMessage): Headers | undefined {
  const id = request.headers['x-request-id']
  if (id === undefined) return NO_HEADERS
  return typeof id === 'string' && REQUEST_ID.test(id) ? { 'x-request-id': id } : undefined
}

function withHeaders(answer: DoorResponse, headers: Headers): DoorResponse {
  if (headers === NO_HEADERS || 'takeOver' in answer) return answer
  return { ...answer, headers: { ...answer.headers, ...headers } }
}

type Read = Pick<DoorRequest, 'headers' | 'form' | 'json'>

/** What came, before any of it is parsed. */
type Bytes = { readonly headers: DoorRequest['headers']; readonly body: Buffer | undefined }

async function readBytes(
  door: Door,
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
): Promise<Bytes | DoorRefusal> {
  if (request.rawHeaders.length > 2 * door.limits.headerCount) return DOOR_REFUSALS.headers
  const headers = requestHeaders(request.rawHeaders)
  if (route.takes === 'nothing') {
    return hasBody(request) ? DOOR_REFUSALS.unexpected : { headers, body: undefined }
  }
  const encoding = headers['content-encoding']?.join() ?? 'identity'
  if (encoding !== 'identity' || !isMediaType(headers['content-type'] ?? [], route.takes)) {
    return DOOR_REFUSALS.mediaType
  }
  const letCome = () => expectsContinue && response.writeContinue()
  const body = await readBody(request, route.maxBytes ?? door.limits.maxBytes, letCome)
  if (body === 'too_large') return DOOR_REFUSALS.tooLarge
  if (body === 'gone') return DOOR_REFUSALS.gone
  return { headers, body }
}

function readRequest(route: Route, { headers, body }: Bytes): Read | DoorRefusal {
  if (body === undefined) return { headers, form: EMPTY_FORM, json: undefined }
  return route.takes === 'json' ? readJson(body, headers) : readForm(body, headers, route)
}

function readJson(body: Buffer, headers: DoorRequest['headers']): Read | DoorRefusal {
  const json = parseStrictJson(body)
  return json === undefined ? DOOR_REFUSALS.json : { headers, form: EMPTY_FORM, json }
}

/** A form is ASCII with everything else escaped; what a stray byte means is not guessed. */
function readForm(body: Buffer, headers: DoorRequest['headers'], route: Route): Read | DoorRefusal {
  if (!isAscii(body)) return DOOR_REFUSALS.form
  const text = body.toString('latin1')
  const form = readParameters(text, route.repeatable)
  return typeof form === 'string' ? DOOR_REFUSALS.form : { headers, form, json: undefined }
}

function readQuery(text: string): ReadonlyMap<string, string> | undefined {
  if (text === '') return EMPTY_QUERY
  const found = readParameters(text)
  if (typeof found === 'string') return undefined
  return new Map([...found].map(([name, values]) => [name, values[0] ?? '']))
}

/**
 * A class for its getter: one in a literal gives each object a shape of its own, which lives, with the request behind it, until the next
 * full collection.
 */
class Arrived implements DoorRequest {
  readonly method: string
  readonly path: string
  readonly params: DoorRequest['params']
  readonly query: DoorRequest['query']
  readonly headers: DoorRequest['headers']
  readonly form: DoorRequest['form']
  readonly json: unknown
  readonly address: string
  readonly waits: () => void
  readonly #response: ServerResponse
  #signal: AbortSignal | undefined
  #gone: Departure | undefined

  constructor(
    { headers, form, json }: Read,
    { path, params, query, waits }: Pick<DoorRequest, 'path' | 'params' | 'query' | 'waits'>,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    this.method = request.method ?? ''
    this.path = path
    this.params = params
    this.query = query
    this.headers = headers
    this.form = form
    this.json = json
    this.address = peerAddress(request)
    this.waits = waits
    this.#response = response
  }

  get signal(): AbortSignal {
    this.#signal ??= departureSignal(this.#response)
    return this.#signal
  }

  get gone(): Departure {
    this.#gone ??= new Departure(this.#response)
    return this.#gone
  }
}

/** After a body that was not read to its end, the connection can't carry another request. */
function closing(answer: DoorResponse, request: IncomingMessage): DoorResponse {
  if ('takeOver' in answer || request.complete || !hasBody(request)) return answer
  return { ...answer, headers: { ...answer.headers, connection: 'close' } }
}

async function answerRefusal(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: DoorRefusal,
  shape: Route['errors'],
  headers: Headers = NO_HEADERS,
): Promise<void> {
  // A caller that waits for 100-continue sends nothing unless asked; a refusal is its answer.
  if (request.headers.expect === undefined) await drainBody(request)
  if (response.destroyed) return
  await respond(request, response, closing(withHeaders(refusalResponse(refusal, shape), headers), request))
}

async function answerFault(
  request: IncomingMessage,
  response: ServerResponse,
  fault: unknown,
  shape: Route['errors'],
  headers: Headers,
): Promise<void> {
  // Half an answer can't be taken back: cutting the connection is the only way left to say that it is not whole.
  if (response.headersSent) return void response.destroy()
  const unavailable = fault instanceof Error && 'fault' in fault && fault.fault === 'unavailable'
  await answerRefusal(
    request,
    response,
    unavailable ? DOOR_REFUSALS.unavailable : DOOR_REFUSALS.bug,
    shape,
    headers,
  )
}

type NoRoute = Exclude<ReturnType<Router>, { readonly found: 'route' }>

function letRead(cors: Cors, { method = '', headers }: IncomingMessage, response: ServerResponse): void {
  const say = corsHeaders(cors, method, headers.origin)
  for (const name in say) response.setHeader(name, say[name] ?? '')
}

/** A browser's question before a call is answered here, before its tenant's turn and without reading anything; what else has no route is refused. */
async function answerNoRoute(
  match: NoRoute,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const asked = request.method === 'OPTIONS' && match.found === 'other-methods' ? match.cors : undefined
  const headers = asked && preflight(asked.of, asked.methods, request.headers)
  if (headers) return respond(request, response, closing({ status: 204, headers, empty: true }, request))
  return answerRefusal(request, response, noRoute(match), shapeOf(match))
}

function noRoute(match: NoRoute): DoorRefusal {
  if (match.found === 'nothing') return DOOR_REFUSALS.nothing
  if (match.found === 'malformed') return DOOR_REFUSALS.path
  return { ...DOOR_REFUSALS.method, headers: { allow: match.allow } }
}

function shapeOf(match: NoRoute): Route['errors'] {
  return match.found === 'nothing' ? 'problem' : match.errors
}
