import type { Allow } from '../core/policy/decision.ts'
import type { Forwarded, UpstreamRequest } from '../lib/upstream.ts'
import type { UpstreamAnswer } from '../lib/upstream-answer.ts'
import type { GatewayCaller } from './authenticate-at-gateway.ts'
import type { Enforcement } from './enforcement.ts'
import { type Forward, InFlight } from './flight.ts'

/** A request that has left, and what came back of it first. The leg must be released once nothing more is wanted of it. */
export type Left = {
  readonly leg: InFlight
  readonly sent: Forwarded<UpstreamAnswer>
  /** Says something more to the server behind that belongs to the same request. */
  readonly aside: (said: string) => Promise<void>
}
/** Header fields that hold the credential for the server behind; none where it needs none. */
export type CredentialFields = Readonly<Record<string, string>>

/** Sends what was allowed to the server behind, watched from the first moment on: what ends the caller ends the request. */
export async function forwardRequest(
  enforcement: Enforcement,
  caller: GatewayCaller,
  decision: Allow,
  forward: Forward,
  credential: CredentialFields,
): Promise<Left> {
  const leg = new InFlight(enforcement, caller, decision, forward)
  const { method, body, bodyTimeout } = forward
  const { target } = caller
  const lane = `${target.tenant} ${target.resource.resource}`
  const to = { lane, url: urlOf(caller.target.resource.at), headers: { ...forward.headers, ...credential } }
  const request = { ...to, ...(method && { method }), ...(body !== undefined && { body }) }
  const timeout = bodyTimeout === undefined ? {} : { bodyTimeout }
  forward.waits?.()
  const sent = await enforcement.upstreams.send({ ...request, signal: leg.halt, ...timeout })
  return { leg, sent, aside: (said) => sendAside(enforcement, leg, { ...to, body: said }) }
}

async function sendAside(
  { upstreams }: Enforcement,
  leg: InFlight,
  { headers, ...to }: Required<Pick<UpstreamRequest, 'lane' | 'url' | 'headers' | 'body'>>,
): Promise<void> {
  const said = { ...headers, 'content-type': 'application/json' }
  const sent = await upstreams.send({ ...to, headers: said, signal: leg.halt })
  if (sent.ok) sent.value.body.destroy()
}

const urls = new Map<string, URL>()
function urlOf(at: string): URL {
  const known = urls.get(at)
  if (known) return known
  const made = new URL(at)
  if (urls.size > 1000) urls.clear()
  urls.set(at, made)
  return made
}
