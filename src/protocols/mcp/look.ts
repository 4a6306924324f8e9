import type { Forward } from '../../flows/flight.ts'
import type { Look } from '../../flows/look-behind.ts'
import { isJsonObject, type Json } from '../../lib/strict-json.ts'
import { type Exchange, forwardOf, responseIn } from './exchange.ts'
import { META } from './revision.ts'

/** Our own question's id. It travels alone in its request, so it can't be taken for a caller's. */
const ID = 'definitions'
const METHOD = 'tools/list'

/** `tools/list`, page by page, in the words of the caller's revision and with what lets the caller in: what it would be shown itself. */
export function lookWith(exchange: Exchange): Look {
  return {
    ask: (cursor) => forwardFor(exchange, cursor),
    read(type, text) {
      const response = responseIn(text, type === 'text/event-stream', ID)
      const result = response?.['result']
      const tools = isJsonObject(result) ? result['tools'] : undefined
      if (!isJsonObject(result) || !Array.isArray(tools)) return undefined
      return { listed: tools.filter(isJsonObject), next: result['nextCursor'] }
    },
  }
}

/** Only what says the revision is taken over from the caller's own headers: the others are about its own message. */
function forwardFor(exchange: Exchange, cursor: Json | undefined): Forward {
  const modern = exchange.era === 'modern'
  const version = exchange.request.headers['mcp-protocol-version']
  const _meta = { [`${META}protocolVersion`]: version?.[0] ?? '', [`${META}clientCapabilities`]: {} }
  const params = { ...(modern ? { _meta } : {}), ...(cursor === undefined ? {} : { cursor }) }
  const headers = {
    ...(version === undefined ? {} : { 'mcp-protocol-version': version }),
    ...(modern ? { 'mcp-method': [METHOD] } : {}),
  }
  return forwardOf(exchange, { jsonrpc: '2.0', id: ID, method: METHOD, params }, headers)
}
