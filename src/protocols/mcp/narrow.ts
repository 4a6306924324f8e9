import { plainTool } from '../../core/policy/tool.ts'
import type { Flight } from '../../flows/flight.ts'
import { enterResource, visibleTools } from '../../flows/list-tools.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { isJsonObject, type Json, type JsonObject } from '../../lib/strict-json.ts'
import { capabilitiesHere } from './capabilities.ts'
import { type Exchange, forwardOf, notAnswered, readResponse } from './exchange.ts'
import { forThisCaller } from './for-this-caller.ts'
import { SERVED } from './revision.ts'

type Narrow = (result: JsonObject, flight: Flight) => JsonObject | Promise<JsonObject>

/** `tools/list`: what the server behind offers, without what isn't declared here or is certainly refused. */
export function listTools(exchange: Exchange): Promise<DoorResponse> {
  const { enforcement, message } = exchange
  return passNarrowed(exchange, message.whole, async (result, { decision }) => {
    const visible = await visibleTools(enforcement, decision)
    const tools = Array.isArray(result['tools']) ? (result['tools'] as readonly Json[]) : []
    const shown = tools.filter((tool) => isJsonObject(tool) && visible.has(plainTool(String(tool['name']))))
    return forThisCaller({ ...result, tools: shown })
  })
}

/**
 * `server/discover` (2026-07-28): only what is declared here, in the revisions that both sides speak. Instructions are left out: they may
 * speak of tools that this caller may not know of.
 */
export function discover(exchange: Exchange): Promise<DoorResponse> {
  return passNarrowed(exchange, exchange.message.whole, (result) => {
    const { instructions: _instructions, supportedVersions, ...rest } = result
    const versions = Array.isArray(supportedVersions) ? supportedVersions : []
    return forThisCaller({
      ...rest,
      capabilities: capabilitiesHere(exchange, result['capabilities']),
      supportedVersions: versions.filter((version) => SERVED.includes(String(version))),
    })
  })
}

/**
 * `initialize` (2025-11-25): answered for this request alone. There is no session: each request is judged by itself, at whichever gateway.
 * The server behind is told of no client capability, since it could not ask the client for anything here.
 */
export function initialize(exchange: Exchange): Promise<DoorResponse> {
  const { message } = exchange
  const whole = { ...message.whole, params: { ...message.params, capabilities: {} } }
  return passNarrowed(exchange, whole, (result) => {
    const { instructions: _instructions, ...rest } = result
    return { ...rest, capabilities: capabilitiesHere(exchange, result['capabilities']) }
  })
}

export async function passNarrowed(
  exchange: Exchange,
  whole: JsonObject,
  narrow: Narrow,
): Promise<DoorResponse> {
  const { enforcement, caller } = exchange
  const called = await enterResource(enforcement, caller, forwardOf(exchange, whole))
  if (called.came !== 'answer') return notAnswered(exchange, called)
  const read = await readResponse(exchange, called.flight)
  if ('instead' in read) return read.instead
  const { response, status } = read
  const { result } = response
  return {
    status,
    json: isJsonObject(result) ? { ...response, result: await narrow(result, called.flight) } : response,
  }
}
