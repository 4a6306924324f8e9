import type { Decision } from '../../core/policy/decision.ts'
import { visibleTools } from '../../flows/list-tools.ts'
import type { JsonObject } from '../../lib/strict-json.ts'
import { capabilitiesHere } from './capabilities.ts'
import type { Exchange } from './exchange.ts'
import { isLegacy, SERVED } from './revision.ts'

/**
 * What is said of a server behind that can't be asked before its user has connected an account: what is declared here. A client that was
 * told nothing would never come to the call that tells it where to connect.
 */
export function initializedWithout(exchange: Exchange): JsonObject {
  const asked = String(exchange.message.params['protocolVersion'])
  const protocolVersion = isLegacy(asked) ? asked : LATEST_LEGACY
  return { protocolVersion, capabilities: declaredHere(exchange), serverInfo: nameOf(exchange) }
}

const LATEST_LEGACY = '2025-11-25'
/** Kept by nobody: the next one may be the server's own. */
const MODERN = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' } as const

export function discoveredWithout(exchange: Exchange): JsonObject {
  return {
    ...MODERN,
    supportedVersions: SERVED,
    capabilities: declaredHere(exchange),
    serverInfo: nameOf(exchange),
  }
}

/** The tools that a list may show, as they are declared. */
export async function listedWithout(exchange: Exchange, decision: Decision): Promise<JsonObject> {
  const { caller, enforcement, era } = exchange
  const visible = await visibleTools(enforcement, decision)
  const tools = Object.entries(caller.target.resource.tools).filter(([name]) => visible.has(name))
  const listed = tools.map(([name, { hint, description, input }]) => ({
    name,
    inputSchema: (input ?? { type: 'object' }) as JsonObject,
    annotations: { readOnlyHint: hint === 'read' },
    ...(description === undefined ? {} : { description }),
  }))
  return { ...(era === 'modern' ? MODERN : {}), tools: listed }
}

function declaredHere(exchange: Exchange): JsonObject {
  return capabilitiesHere(exchange, { tools: {}, prompts: {}, resources: {} })
}

function nameOf({ caller }: Exchange): JsonObject {
  return { name: caller.target.resource.resource, version: '0' }
}
