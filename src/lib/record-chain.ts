import { hash as digest } from 'node:crypto'
import canonicalize from 'canonicalize'

/** Where a chain stands: its last record's number and hash; `n` is 0 before the first record. */
export type ChainHead = { readonly n: number; readonly hash: string }

/** One record: numbered from 1 without gaps, and bound to the one before it. Hashes are base64url of 32 bytes. */
export type ChainRecord<Body = unknown> = {
  readonly n: number
  readonly prev: string
  readonly hash: string
  readonly body: Body
}

/** `n` is the number of the first record that doesn't fit. */
export type ChainBreak = {
  readonly reason: 'journal.gap' | 'journal.fork' | 'journal.altered'
  readonly why: 'gap' | 'fork' | 'altered'
  readonly n: number
}
export type ChainResult =
  | { readonly ok: true; readonly value: ChainHead }
  | { readonly ok: false; readonly error: ChainBreak }

/** The head before any record. It depends on the chain's name, so one recorder's records can't pass for another's. */
export function chainStart(name: string): ChainHead {
  return { n: 0, hash: digest('sha256', Buffer.from(name, 'utf8'), 'base64url') }
}

/** The bytes of a body that are hashed: its canonical JSON (RFC 8785). Throws when it is not JSON. */
export function canonicalBody(body: unknown): string {
  const text = canonicalize(body)
  if (text === undefined) throw new TypeError('a record body is not JSON')
  return text
}

const PREV_BYTES = 32

/** SHA-256(the 32 bytes of `prev` ‖ canonical body): one length first, so no two pairs give the same bytes. */
export function recordHash(prev: string, canonical: string): string {
  const bytes = Buffer.allocUnsafe(PREV_BYTES + Buffer.byteLength(canonical))
  return hashBefore(bytes, PREV_BYTES, PREV_BYTES + bytes.write(canonical, PREV_BYTES, 'utf8'), prev)
}

/** The same of a body that stands in `bytes` already: the 32 bytes before it are overwritten. */
export function hashBefore(bytes: Buffer, from: number, to: number, prev: string): string {
  bytes.write(prev, from - PREV_BYTES, 'base64url')
  return digest('sha256', bytes.subarray(from - PREV_BYTES, to), 'base64url')
}

/**
 * The receiver's check of records that should continue `head`: all of them fit, or none is taken. `gap`: a number is missing or out of
 * order; `altered`: a record is not what its hash says; `fork`: it continues another history than the one received.
 */
export function acceptRecords(head: ChainHead, records: readonly ChainRecord[]): ChainResult {
  let at = head
  for (const record of records) {
    const why = whyNot(at, record)
    if (why) return broken(why, at.n + 1)
    at = { n: record.n, hash: record.hash }
  }
  return { ok: true, value: at }
}

/**
 * Compares what was received with where the recorder says it stands: `gap` when it knows less than it already shipped (its file was cut
 * or lost), `fork` when it has another record at the same number.
 */
export function acceptHead(received: ChainHead, reported: ChainHead): ChainResult {
  if (reported.n < received.n) return broken('gap', reported.n + 1)
  if (reported.n === received.n && reported.hash !== received.hash) return broken('fork', reported.n)
  return { ok: true, value: received }
}

function whyNot(head: ChainHead, record: ChainRecord): ChainBreak['why'] | undefined {
  if (record.n !== head.n + 1) return 'gap'
  if (!isHashOf(record)) return 'altered'
  return record.prev === head.hash ? undefined : 'fork'
}

function isHashOf(record: ChainRecord): boolean {
  try {
    return recordHash(record.prev, canonicalBody(record.body)) === record.hash
  } catch {
    // A body without canonical form (a lone surrogate) was never one that a recorder hashed.
    return false
  }
}

function broken(why: ChainBreak['why'], n: number): ChainResult {
  return { ok: false, error: { reason: `journal.${why}`, why, n } }
}
