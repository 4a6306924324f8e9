import { refuse } from '../../core/refusal.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { refusalAnswer } from './answers.ts'
import type { Exchange } from './exchange.ts'
import { passNarrowed } from './narrow.ts'

/** RFC 5424's levels, as MCP names them (2025-11-25, server/utilities/logging). */
const LEVELS: ReadonlySet<unknown> = new Set([
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
])

/** `logging/setLevel` (2025-11-25): for who may enter the resource. It names nothing, and answers nothing. */
export async function setLevel(exchange: Exchange): Promise<DoorResponse> {
  const { message, caller } = exchange
  if (!LEVELS.has(message.params['level'])) {
    const says = 'params.level is no level of logging.'
    return refusalAnswer(message.id ?? null, refuse('malformed', 'mcp.params', says), caller.target)
  }
  return passNarrowed(exchange, message.whole, () => ({}))
}
