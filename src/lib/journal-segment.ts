import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { JournalFault } from './journal-fault.ts'
import type { ChainHead } from './record-chain.ts'
import { recordHash } from './record-chain.ts'

/**
 * One file of a journal, named by the number of its first record. `offsets` has where each record's line starts; `end` is the chain after
 * its last record, `start` before its first.
 */
export type Segment = {
  readonly path: string
  readonly start: ChainHead
  readonly end: ChainHead
  readonly size: number
  readonly offsets: readonly number[]
}

/** A segment read back: `torn` bytes of an unfinished last line, and when its records were written. */
export type ReadSegment = {
  readonly segment: Segment
  readonly torn: number
  readonly times: readonly number[]
}

type Line = ChainHead & { readonly prev: string; readonly at: number; readonly body: string }

// Hashes are canonical base64url of 32 bytes. `at` feeds the age of unshipped records after a restart; it is not hashed and not shipped.
const LINE = /^\{"n":([1-9]\d{0,15}),"prev":"([\w-]{43})","hash":"([\w-]{43})","at":(\d{1,16}),"body":(.*)\}$/
const NAME = /^(\d{16})\.jsonl$/
const NEWLINE = 0x0a

export function segmentPath(folder: string, first: number): string {
  return join(folder, `${String(first).padStart(16, '0')}.jsonl`)
}

/** A record as it is shipped: its line without `at`, which is not hashed. Throws where it is none. */
export function shippedLine(text: string): string {
  const line = parseLine(text)
  if (!line) throw new JournalFault('journal.broken_chain', 'a record that was read back is unreadable')
  const { n, prev, hash, body } = line
  return `{"n":${n},"prev":"${prev}","hash":"${hash}","body":${body}}`
}

/** First record numbers of the segments in a folder, in order. */
export async function listSegments(folder: string): Promise<readonly number[]> {
  const names = await readdir(folder)
  const firsts = names.map((name) => NAME.exec(name)?.[1]).filter((first) => first !== undefined)
  return firsts.map(Number).sort((a, b) => a - b)
}

/**
 * Reads one segment and checks every record against the chain so far. Only bytes after the last newline may be unfinished: an append that
 * was cut off, never acknowledged. A finished line that doesn't fit is `journal.broken_chain`, also the last one.
 */
export async function readSegment(path: string, start: ChainHead): Promise<ReadSegment> {
  const bytes = await readFile(path)
  const offsets: number[] = []
  const times: number[] = []
  let end = start
  let from = 0
  for (let to = bytes.indexOf(NEWLINE); to >= 0; to = bytes.indexOf(NEWLINE, from)) {
    const line = parseLine(bytes.toString('utf8', from, to))
    if (!line || !continues(end, line)) throw brokenChain(path, end.n + 1)
    offsets.push(from)
    times.push(line.at)
    end = { n: line.n, hash: line.hash }
    from = to + 1
  }
  return { segment: { path, start, end, size: from, offsets }, torn: bytes.length - from, times }
}

function parseLine(text: string): Line | undefined {
  const found = LINE.exec(text)
  if (!found) return undefined
  const [, n, prev = '', hash = '', at, body = ''] = found
  return { n: Number(n), prev, hash, at: Number(at), body }
}

function continues(head: ChainHead, line: Line): boolean {
  return line.n === head.n + 1 && line.prev === head.hash && line.hash === recordHash(line.prev, line.body)
}

export function brokenChain(path: string, n: number): JournalFault {
  return new JournalFault('journal.broken_chain', `${path}: record ${n} is missing, altered or unreadable`)
}
