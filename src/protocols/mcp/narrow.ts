import type { Decision } from '../../core/policy/decision.ts'
import { plainTool } from '../../core/policy/tool.ts'
import type { Flight } from '../../flows/flight.ts'
import { enterResource, visibleTools } from '../../flows/list-tools.ts'
import { pinnedTools } from '../../flows/pin-definitions.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { isJsonObject, type Json, type JsonObject } from '../../lib/strict-json.ts'
import { rpcResult } from './answers.ts'
import { capabilitiesHere, narrowCapabilities } from './capabilities.ts'
import { needsAccount, saysPages } from './connect-first.ts'
import { type Exchange, forwardOf, inItsForm, notAnswered, readResponse } from './exchange.ts'
import { forThisCaller } from './for-this-caller.ts'
import { SERVED } from './revision.ts'
import { issueSession } from './session.ts'
import { discoveredWithout, initializedWithout, listedWithout } from './without-account.ts'

type Narrow = (result: JsonObject, flight: Flight) => JsonObject | Promise<JsonObject>
/** What is said where the server behind can't be asked, since its user has not connected an account there. */
type Without = (decision: Decision) => JsonObject | Promise<JsonObject>

/**
 * `tools/list`: what the server behind offers, without what isn't declared here, is certainly refused, or is said otherwise than it was
 * accepted.
 */
export function listTools(exchange: Exchange): Promise<DoorResponse> {
  const { enforcement, caller, message } = exchange
  return passNarrowed(
    exchange,
    message.whole,
    async (result, { decision }) => {
      const tools = Array.isArray(result['tools']) ? (result['tools'] as readonly Json[]) : []
      const pinned = await pinnedTools(enforcement, caller.target, tools.filter(isJsonObject))
      const visible = await visibleTools(enforcement, decision)
      const shown = pinned.filter(({ name }) => visible.has(plainTool(String(name))))
      return forThisCaller({ ...result, tools: shown })
    },
    (decision) => listedWithout(exchange, decision),
  )
}

/**
 * `server/discover` (2026-07-28): only what is declared here, in the revisions that both sides speak. Instructions are left out: they may
 * speak of tools that this caller may not know of.
 */
export function discover(exchange: Exchange): Promise<DoorResponse> {
  return passNarrowed(
    exchange,
    exchange.message.whole,
    (result) => {
      const { instructions: _instructions, supportedVersions, ...rest } = result
      const versions = Array.isArray(supportedVersions) ? supportedVersions : []
      return forThisCaller({
        ...rest,
        capabilities: capabilitiesHere(exchange, result['capabilities']),
        supportedVersions: versions.filter((version) => SERVED.includes(String(version))),
      })
    },
    () => discoveredWithout(exchange),
  )
}

/**
 * `initialize` (2025-03-26 to 2025-11-25). Where the server behind begins a session with it, the caller is given a ticket for that; each
 * request is judged by itself all the same, at whichever gateway.
 */
export async function initialize(exchange: Exchange): Promise<DoorResponse> {
  const { enforcement, caller, message } = exchange
  const capabilities = narrowCapabilities(caller, message.params['capabilities'])
  const whole = { ...message.whole, params: { ...message.params, capabilities } }
  const pages = saysPages(message.params['capabilities'])
  let id: string | undefined
  const answer = await passNarrowed(
    exchange,
    whole,
    (result, { answer: { headers } }) => {
      const { instructions: _instructions, ...rest } = result
      const behind = headers['mcp-session-id']
      const revision = String(result['protocolVersion'])
      if (typeof behind === 'string') id = issueSession(enforcement, caller, { behind, revision }, pages)
      return { ...rest, capabilities: capabilitiesHere(exchange, result['capabilities']) }
    },
    () => {
      const result = initializedWithout(exchange)
      id = issueSession(
        enforcement,
        caller,
        { behind: '', revision: String(result['protocolVersion']) },
        pages,
      )
      return result
    },
  )
  return id === undefined || 'takeOver' in answer ? answer : { ...answer, headers: { 'mcp-session-id': id } }
}

/** Asked of the server behind only where it keeps a session, which may be over there; else it says nothing that we don't know. */
export async function ping(exchange: Exchange): Promise<DoorResponse> {
  const { message, session } = exchange
  if (session === undefined) return rpcResult(message.id ?? null, {})
  return passNarrowed(exchange, message.whole, () => ({}))
}

export async function passNarrowed(
  exchange: Exchange,
  whole: JsonObject,
  narrow: Narrow,
  without?: Without,
): Promise<DoorResponse> {
  const { enforcement, caller, message } = exchange
  const called = await enterResource(enforcement, caller, forwardOf(exchange, whole))
  if (without && called.came === 'refusal' && needsAccount(called.refusal))
    return rpcResult(message.id ?? null, await without(called.decision))
  if (called.came !== 'answer') return notAnswered(exchange, called)
  const read = await readResponse(exchange, called.flight)
  if ('instead' in read) return read.instead
  const { response, status } = read
  const { result } = response
  const said = isJsonObject(result) ? { ...response, result: await narrow(result, called.flight) } : response
  return inItsForm(exchange, called.flight, status, said)
}
