import { isUtf8 } from 'node:buffer'
import { parseNames } from './escaped-names.ts'

/** The most objects and arrays inside each other that we read. */
const MAX_DEPTH = 32

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export type JsonObject = { readonly [member: string]: Json }

/**
 * Reads JSON from outside, or returns undefined. Stricter than `JSON.parse` where parsers disagree with each other
 * (RFC 8259 §4 and §8): no member twice in one object, valid UTF-8, no lone surrogates, no NUL, bounded depth.
 */
export function parseStrictJson(bytes: Uint8Array): Json | undefined {
  if (!isUtf8(bytes)) return undefined
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  return parseStrictJsonText(text)
}

export function parseStrictJsonText(text: string): Json | undefined {
  let value: Json
  try {
    value = parseNames(text, JSON.parse) as Json
  } catch {
    return undefined
  }
  const members = countMembers(value)
  return members !== undefined && members === countColons(text) ? value : undefined
}

export function parseStrictObject(bytes: Uint8Array): JsonObject | undefined {
  const value = parseStrictJson(bytes)
  return isJsonObject(value) ? value : undefined
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * A repeated member vanishes when parsed, but its colon stays in the text: the counts differ exactly when one
 * was repeated. That finds duplicates without a parser of our own.
 */
function countColons(text: string): number {
  let colons = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (inString) {
      if (code === 0x5c) at++
      else if (code === 0x22) inString = false
    } else if (code === 0x22) inString = true
    else if (code === 0x3a) colons++
  }
  return colons
}

/** Members of the whole tree; undefined when it is too deep or a string in it is not well formed. */
function countMembers(value: Json, depth = 0): number | undefined {
  if (typeof value === 'string') return isText(value) ? 0 : undefined
  if (typeof value !== 'object' || value === null) return 0
  if (depth >= MAX_DEPTH) return undefined
  let total = 0
  if (Array.isArray(value)) {
    for (const item of value) {
      const inside = countMembers(item, depth + 1)
      if (inside === undefined) return undefined
      total += inside
    }
    return total
  }
  const object = value as JsonObject
  for (const name of Object.keys(object)) {
    const inside = isText(name) ? countMembers(object[name] ?? null, depth + 1) : undefined
    if (inside === undefined) return undefined
    total += 1 + inside
  }
  return total
}

/** NUL can't be stored by PostgreSQL and a lone surrogate is no character: both would fail later, as a fault. */
function isText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}
