import canonicalize from 'canonicalize'
import { Bug } from '../refusal.ts'
import type { AuditEvent } from './audit-event.ts'
import { CLASSIFICATION } from './classification.ts'

/**
 * The canonical JSON (RFC 8785) of an event, cut where its number belongs: an event is written out when it happens, and numbered when it
 * is committed.
 */
export type LeafHalves = { readonly before: string; readonly after: string }

/** The most bytes that one leaf may have. */
export const LEAF_BYTES = 32_768
/** Numbers grow; an event must fit under any of them. */
const LONGEST_NUMBER = `"n":${Number.MAX_SAFE_INTEGER},`.length

// RFC 8785 §3.2.3 sorts by UTF-16 code units, as `sort` does by itself.
const FIELDS = Object.keys(CLASSIFICATION).sort() as (keyof typeof CLASSIFICATION)[]
const BEFORE = FIELDS.filter((field) => field < 'n')
const AFTER = FIELDS.filter((field) => field > 'n')

/** Throws `Bug` for text that is not well-formed Unicode, and when the event would be too large for a leaf. */
export function halvesOf(event: Omit<AuditEvent, 'n'>): LeafHalves {
  const [before, after] = [membersOf(event, BEFORE), membersOf(event, AFTER)]
  const room = LEAF_BYTES - LONGEST_NUMBER - '{}'.length
  const length = before.length + after.length - ','.length
  if (length > room || Buffer.byteLength(before) + Buffer.byteLength(after) - ','.length > room) {
    throw new Bug(`an audit event has more than ${LEAF_BYTES} bytes`)
  }
  return { before, after }
}

/** The leaf of a tenant's log: the event under its number. */
export function leafFrom({ before, after }: LeafHalves, n: number): string {
  return `{${before}"n":${n},${after.slice(0, -1)}}`
}

/** The same at once. Throws as `halvesOf`. */
export function leafOf(event: Omit<AuditEvent, 'n'>, n: number): string {
  return leafFrom(halvesOf(event), n)
}

/** Each member with a comma behind it. */
function membersOf(event: Omit<AuditEvent, 'n'>, fields: readonly string[]): string {
  const values: Readonly<Record<string, unknown>> = event
  let members = ''
  for (const field of fields) {
    const value = values[field]
    if (value !== undefined) members += `"${field}":${textOf(value)},`
  }
  return members
}

/**
 * Of texts, numbers and truth values, and of lists of texts, JSON.stringify gives the canonical form (RFC 8785 §3.2.2), and faster; of
 * facts too, when their names stand in order.
 */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return JSON.stringify(wellFormed(value))
  if (typeof value === 'boolean' || Number.isSafeInteger(value)) return String(value)
  const isPlain = Array.isArray(value) ? value.every(isText) : isInOrder(value)
  return isPlain ? JSON.stringify(value) : canonicalize(value)
}

function wellFormed(text: string): string {
  if (!text.isWellFormed()) throw new Bug('an audit event holds text that is not well-formed Unicode')
  return text
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && wellFormed(value) === value
}

/** An object of texts, whole numbers and truth values, whose names stand in the canonical order. */
function isInOrder(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  let before = ''
  for (const [name, each] of Object.entries(value)) {
    const plain = isText(each) || typeof each === 'boolean' || Number.isSafeInteger(each)
    if (!plain || (before !== '' && name <= before) || !name.isWellFormed()) return false
    before = name
  }
  return true
}
