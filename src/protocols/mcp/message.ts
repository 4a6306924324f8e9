import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { isJsonObject, type Json, type JsonObject } from '../../lib/strict-json.ts'

export type MessageId = string | number

/** A JSON-RPC 2.0 request or notification (one without an id), as the transport takes it: never an array. */
export type Message = {
  readonly id: MessageId | undefined
  readonly method: string
  readonly params: JsonObject
  /** As it came in, to be written anew for the server behind. */
  readonly whole: JsonObject
}

const MAX_METHOD = 128
const MAX_ID = 256

/** Reads one request or notification. */
export function readMessage(json: unknown): Result<Message, Refusal> {
  if (!isJsonObject(json) || json['jsonrpc'] !== '2.0')
    return no('mcp.message', 'This is not a JSON-RPC 2.0 message.')
  const { id, method, params = {} } = json
  if (method === undefined) return no('mcp.response', 'A response was not asked for.')
  if (typeof method !== 'string' || method.length > MAX_METHOD || !isId(id)) {
    return no('mcp.message', 'The id or the method of this message is not of its type.')
  }
  if (!isJsonObject(params)) return no('mcp.params', 'The params of a message are an object.')
  return ok({ id, method, params, whole: json })
}

/** The id to answer under, of whatever came in. */
export function idOf(json: unknown): MessageId | null {
  const id = isJsonObject(json) ? json['id'] : undefined
  return isId(id) && id !== undefined ? id : null
}

export function isId(id: Json | undefined): id is MessageId | undefined {
  if (typeof id === 'string') return id.length <= MAX_ID
  return id === undefined || (typeof id === 'number' && Number.isSafeInteger(id))
}

function no(reason: string, says: string): Result<never, Refusal> {
  return err(refuse('malformed', reason, says))
}

/** `text` is the input written anew: what the audit commits to. */
export type Arguments = { readonly input: JsonObject; readonly text: string }

/**
 * Arguments of a tool or a prompt. Members that Cedar's JSON takes for references are refused anywhere in them: a policy must see what the
 * server behind will see.
 */
export function readArguments(input: Json): Result<Arguments, Refusal> {
  if (!isJsonObject(input)) return no('mcp.params', 'Arguments are an object.')
  const text = JSON.stringify(input)
  if (text.length > MAX_INPUT) return no('mcp.params', 'The arguments are larger than is taken here.')
  if (hasReserved(input))
    return no('input.reserved_key', 'Arguments may not have members named `__entity`, `__extn` or `__expr`.')
  return ok({ input, text })
}

/** The audit holds the input of a call whole; numbers may grow when they are written anew, so this is counted after reading. */
const MAX_INPUT = 65_536

const RESERVED: ReadonlySet<string> = new Set(['__entity', '__extn', '__expr'])

/** Depth is bounded by the door. */
function hasReserved(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some(hasReserved)
  const object = value as JsonObject
  for (const name of Object.keys(object)) {
    if (RESERVED.has(name) || hasReserved(object[name] ?? null)) return true
  }
  return false
}
