import { isJsonObject } from '../../lib/strict-json.ts'
import type { Message } from './message.ts'

/** The stateless revision: everything that a request needs to be understood is in it. */
export const MODERN = '2026-07-28'
/** Revisions that begin with `initialize`. The subset that is served without sessions is the same in all of them. */
const LEGACY: readonly string[] = ['2025-11-25', '2025-06-18', '2025-03-26']
export const SERVED: readonly string[] = [MODERN, ...LEGACY]

export function isLegacy(revision: string): boolean {
  return LEGACY.includes(revision)
}

export type Era = 'modern' | 'legacy'
export type Headers = Readonly<Record<string, readonly string[]>>

/** Why a message is not one of the revision it claims: its HTTP status, JSON-RPC code and what goes with it. */
export type RevisionProblem = {
  readonly status: number
  readonly code: number
  readonly reason: string
  readonly says: string
  readonly data?: Readonly<Record<string, unknown>>
}

/** Codes of the specification (2026-07-28, basic/transports and schema; `resource` is of 2025-11-25). */
export const CODES = {
  mismatch: -32020,
  unsupported: -32022,
  params: -32602,
  method: -32601,
  resource: -32002,
} as const

export const META = 'io.modelcontextprotocol/'
const NAMED: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
}

/**
 * The era of a message, with its headers held against its body: who reads only the headers must not be told something else than who
 * reads the body. The body wins where only it speaks; a disagreement is refused (2026-07-28, Streamable HTTP).
 */
export function eraOf(message: Message, headers: Headers): Era | RevisionProblem {
  const stated = headers['mcp-protocol-version']
  const meta = message.params['_meta']
  const claimed = isJsonObject(meta) ? meta[`${META}protocolVersion`] : undefined
  if (stated !== undefined && stated.length > 1)
    return mismatch('MCP-Protocol-Version is sent more than once.')
  const version = stated?.[0]
  if (claimed === undefined)
    return version === MODERN ? unclaimed(message, headers) : legacy(message, version)
  if (typeof claimed !== 'string') return missing('protocolVersion')
  if (version === undefined ? message.id !== undefined : version !== claimed) {
    return mismatch('MCP-Protocol-Version and the protocolVersion in _meta differ.')
  }
  // In an envelope nothing else can be claimed: older revisions begin with `initialize`.
  if (claimed !== MODERN) return unsupported(claimed, [MODERN])
  if (isJsonObject(meta) && !isJsonObject(meta[`${META}clientCapabilities`]))
    return missing('clientCapabilities')
  return mirrored(message, headers) ?? 'modern'
}

/** A notification needs no envelope; a request does. */
function unclaimed(message: Message, headers: Headers): Era | RevisionProblem {
  return message.id === undefined ? (mirrored(message, headers) ?? 'modern') : missing('protocolVersion')
}

/** Without a header 2025-03-26 is meant; `initialize` negotiates, so there it says nothing yet. */
function legacy(message: Message, version: string | undefined): Era | RevisionProblem {
  if (version === undefined || message.method === 'initialize' || LEGACY.includes(version)) return 'legacy'
  return unsupported(version)
}

function mirrored({ id, method, params }: Message, headers: Headers): RevisionProblem | undefined {
  const [stated, ...more] = headers['mcp-method'] ?? []
  // Notifications are exempt from sending it, not from telling the truth.
  if (stated === undefined && id === undefined) return undefined
  if (more.length > 0 || stated !== method)
    return mismatch('Mcp-Method must be sent, and be the method of the body.')
  const member = NAMED[method]
  if (member === undefined) return undefined
  const [name, ...others] = headers['mcp-name'] ?? []
  if (others.length > 0 || name === undefined || decoded(name) !== params[member]) {
    return mismatch(`Mcp-Name must be sent, and be params.${member} of the body.`)
  }
  return undefined
}

const ENCODED = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/

/** A value that a header can't hold is sent as `=?base64?…?=`. */
function decoded(value: string): string {
  const found = ENCODED.exec(value)
  return found ? Buffer.from(found[1] ?? '', 'base64').toString('utf8') : value
}

/** A value as a header holds it (2026-07-28, Streamable HTTP). */
export function headerValue(value: string): string {
  const plain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !ENCODED.test(value)
  return plain ? value : `=?base64?${Buffer.from(value).toString('base64')}?=`
}

function mismatch(says: string): RevisionProblem {
  return { status: 400, code: CODES.mismatch, reason: 'mcp.headers', says }
}

function missing(member: string): RevisionProblem {
  const says = `params._meta needs ${META}${member} in revision ${MODERN}.`
  return { status: 400, code: CODES.params, reason: 'mcp.meta', says }
}

function unsupported(requested: string, supported: readonly string[] = SERVED): RevisionProblem {
  const says = 'This revision of MCP is not served here.'
  const data = { supported, requested }
  return { status: 400, code: CODES.unsupported, reason: 'mcp.version', says, data }
}

/** Header fields of the protocol that go to the server behind; nothing else of the request does. */
export function protocolHeaders(headers: Headers): Readonly<Record<string, string>> {
  const passed: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  }
  for (const name of Object.keys(headers)) {
    if (!name.startsWith('mcp-') || name === 'mcp-session-id') continue
    const [value, ...more] = headers[name] ?? []
    if (value !== undefined && more.length === 0) passed[name] = value
  }
  return passed
}
