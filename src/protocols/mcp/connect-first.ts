import { hash } from 'node:crypto'
import type { Decision } from '../../core/policy/decision.ts'
import type { Refusal } from '../../core/refusal.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { isJsonObject, type Json, type JsonObject } from '../../lib/strict-json.ts'
import { rpcError, rpcResult } from './answers.ts'
import type { Exchange } from './exchange.ts'
import type { Named } from './named.ts'
import { META } from './revision.ts'
import { opensPages } from './session.ts'

/** Under which we ask, and are answered; the server behind never sees it. */
const OURS = 'countersign/connect'
/** 2025-11-25, elicitation: a page must be opened before the request can be made. */
const URL_NEEDED = -32042

export function needsAccount({ reason, facts }: Refusal): boolean {
  return reason === 'connection.needed' && typeof facts['connect'] === 'string'
}

/** Whether a client's capabilities say that it opens a page for its user (elicitation by URL). */
export function saysPages(capabilities: Json | undefined): boolean {
  const elicitation = isJsonObject(capabilities) ? capabilities['elicitation'] : undefined
  return isJsonObject(elicitation) && isJsonObject(elicitation['url'])
}

/**
 * A call that needs an account which nobody has connected yet, told as this client understands it: it opens the page for its user, and
 * calls again. Undefined where it can't: then the explanation holds the link. Whether it was done is never believed, but looked up.
 */
export function connectFirst(
  exchange: Exchange,
  named: Named | undefined,
  refusal: Refusal,
  decision: Decision,
): DoorResponse | undefined {
  if (!needsAccount(refusal) || named === undefined) return undefined
  const id = exchange.message.id ?? null
  const url = String(refusal.facts['connect'])
  const message = `To use ${exchange.caller.target.resource.resource}, connect your account there.`
  if (exchange.era === 'modern') {
    if (!saysPages(statedCapabilities(exchange))) return undefined
    const ask = { method: 'elicitation/create', params: { mode: 'url', message, url } }
    const meta = { 'countersign/decision': decision.id, 'countersign/reason': refusal.reason }
    return rpcResult(id, { resultType: 'input_required', inputRequests: { [OURS]: ask }, _meta: meta })
  }
  if (!opensPages(exchange)) return undefined
  // One page has one id, however often it is asked for.
  const elicitationId = hash('sha256', url, 'base64url').slice(0, 22)
  const elicitations = [{ mode: 'url', elicitationId, url, message }]
  const data = { elicitations, reason: refusal.reason, decision: decision.id }
  return rpcError(200, id, URL_NEEDED, refusal.says, data)
}

/** As the client said it: what goes on to the server behind is narrowed to what that may ask for. */
function statedCapabilities({ request }: Exchange): Json | undefined {
  const json = request.json as Json | undefined
  const params = isJsonObject(json) ? json['params'] : undefined
  const meta = isJsonObject(params) ? params['_meta'] : undefined
  return isJsonObject(meta) ? meta[`${META}clientCapabilities`] : undefined
}

/** The answers that are the server behind's: without the one to what we asked. */
export function withoutOurs(responses: Json | undefined): JsonObject | undefined {
  if (!isJsonObject(responses)) return undefined
  const { [OURS]: _ours, ...rest } = responses
  return Object.keys(rest).length > 0 ? rest : undefined
}
