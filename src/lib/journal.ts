import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { AppendFile, OpenFile } from './append-file.ts'
import { openAppendFile } from './append-file.ts'
import type { FileLock } from './file-lock.ts'
import { lockFile } from './file-lock.ts'
import type { GroupedCommit } from './grouped-commit.ts'
import { groupCommits } from './grouped-commit.ts'
import type { UnshippedAge } from './journal-age.ts'
import { unshippedAge } from './journal-age.ts'
import { blockOf } from './journal-block.ts'
import { JournalFault } from './journal-fault.ts'
import { writeMark } from './journal-mark.ts'
import type { Recovered } from './journal-recovery.ts'
import { recoverJournal } from './journal-recovery.ts'
import type { Segment } from './journal-segment.ts'
import { segmentPath, shippedLine } from './journal-segment.ts'
import type { JournalTail, Most } from './journal-tail.ts'
import { journalTail } from './journal-tail.ts'
import type { ChainHead, ChainRecord } from './record-chain.ts'
import { canonicalBody } from './record-chain.ts'

/** `segmentBytes`: when a new file is begun. `keptBytes`: all files together; beyond it appends are refused until some are shipped. */
export type JournalLimits = {
  readonly bodyBytes: number
  readonly segmentBytes: number
  readonly keptBytes: number
  readonly maxBatch: number
  readonly maxQueue: number
  readonly gatherMs: number
}
export const JOURNAL_LIMITS: JournalLimits = {
  bodyBytes: 65_536,
  segmentBytes: 4_194_304,
  keptBytes: 1_073_741_824,
  maxBatch: 1_024,
  maxQueue: 16_384,
  gatherMs: 2,
}

/** `name` is the recorder's: the chain starts from it. `now` is wall time and `monotonic` only goes forward, both in ms. */
export type JournalOptions = {
  readonly folder: string
  readonly name: string
  readonly limits?: Partial<JournalLimits>
  readonly openFile?: OpenFile
  readonly now?: () => number
  readonly monotonic?: () => number
}

/** A durable local record of what one process did: numbered from 1, hash-chained, fsynced, kept until it was shipped. */
export type Journal<Body> = {
  /** Resolves once the record is on the disk, to its number and hash. Rejects with JournalFault, FileFault or CommitRefused: nothing was recorded. */
  append(body: Body): Promise<ChainHead>
  /** The same for a body that is canonical JSON (RFC 8785) already: its text is written, and shipped, as it is. */
  appendText(canonical: string): Promise<ChainHead>
  /** Durable records from a number on, in order, at most `limit`; empty past the end. `journal.dropped` before the beginning. */
  read(from: number, limit: number): Promise<readonly ChainRecord<Body>[]>
  /** The same as JSON texts with a comma between, as they are shipped: at least one record, if there is one. */
  readShipped(from: number, most: Most): Promise<Buffer>
  /** The receiver has everything up to `n`: files that hold nothing newer are removed. */
  shipped(n: number): Promise<void>
  /** The last durable record. */
  head(): ChainHead
  /** Records that `shipped` has not covered. */
  unshipped(): number
  /** How long the oldest of them has waited, in ms; 0 when there is none. */
  unshippedMs(): number
  /** Bytes of an unfinished append that were cut off when the journal was opened. */
  readonly torn: number
  close(): Promise<void>
}

/** The file that is written to; its offsets and end are those of durable records only. */
type Active = {
  readonly path: string
  readonly start: ChainHead
  readonly file: AppendFile
  end: ChainHead
  readonly offsets: number[]
}

type State = {
  readonly options: JournalOptions
  readonly limits: JournalLimits
  readonly age: UnshippedAge
  readonly tail: JournalTail
  active: Active
  closed: readonly Segment[]
  dropped: ChainHead
  shipped: number
}

/** Opens or makes a journal; one process at a time. Throws JournalFault when what it finds doesn't fit together. */
export async function openJournal<Body>(options: JournalOptions): Promise<Journal<Body>> {
  await mkdir(options.folder, { recursive: true, mode: 0o700 })
  const lock = lockFile(join(options.folder, 'lock'))
  if (!lock)
    throw new JournalFault('journal.locked', `another process has the journal in ${options.folder} open`)
  try {
    const found = await recoverJournal(options.folder, options.name)
    return journalOf(await openState(options, found), lock, found.torn)
  } catch (cause) {
    lock.release()
    throw cause
  }
}

async function openState(options: JournalOptions, found: Recovered): Promise<State> {
  const { path, start, end, size, offsets } = found.active
  const file = await openAppendFile(path, size, options.openFile)
  if (found.isNew) await writeMark(options.folder, found.mark)
  const now = options.now ?? Date.now
  const age = found.oldestUnshipped === undefined ? undefined : Math.max(0, now() - found.oldestUnshipped)
  return {
    options,
    limits: { ...JOURNAL_LIMITS, ...options.limits },
    age: unshippedAge(
      options.monotonic ?? performance.now.bind(performance),
      age === undefined ? undefined : { last: end.n, age },
    ),
    tail: journalTail(),
    active: { path, start, file, end, offsets: [...offsets] },
    closed: found.closed,
    dropped: found.mark.dropped,
    shipped: found.mark.shipped,
  }
}

function journalOf<Body>(state: State, lock: FileLock, torn: number): Journal<Body> {
  const commit = groupCommits((batch: readonly string[]) => write(state, batch), state.limits)
  let dropping = Promise.resolve()
  return {
    torn,
    append: async (body) => commit(withinLimit(state, asCanonical(body))),
    appendText: async (text) => commit(withinLimit(state, text)),
    read: async (from, limit) => {
      const bytes = await readShipped(state, from, { records: limit, bytes: Number.POSITIVE_INFINITY })
      return JSON.parse(`[${bytes.toString('utf8')}]`) as readonly ChainRecord<Body>[]
    },
    readShipped: (from, most) => readShipped(state, from, most),
    shipped: async (n) => {
      noteShipped(state, n)
      const next = dropping.catch(() => undefined).then(() => dropShipped(state))
      dropping = next
      return next
    },
    head: () => state.active.end,
    unshipped: () => state.active.end.n - state.shipped,
    unshippedMs: state.age.oldest,
    close: () => closeJournal(state, commit, dropping, lock),
  }
}

function withinLimit(state: State, text: string | undefined): string {
  const { bodyBytes } = state.limits
  // A character is at most three bytes.
  if (text === undefined || (text.length * 3 > bodyBytes && Buffer.byteLength(text) > bodyBytes)) {
    const message = `a body must be JSON of at most ${bodyBytes} bytes`
    throw new JournalFault('journal.body_refused', message)
  }
  return text
}

function asCanonical(body: unknown): string | undefined {
  try {
    return canonicalBody(body)
  } catch {
    return undefined
  }
}

/** One fsync for the whole batch. The head moves only after it, so a failed batch leaves no trace in the chain. */
async function write(state: State, batch: readonly string[]): Promise<readonly ChainHead[]> {
  if (isTimeToRotate(state)) await rotate(state)
  const { active } = state
  const at = Math.max(0, Math.floor((state.options.now ?? Date.now)()))
  const size = active.file.size()
  const block = blockOf(active.end, batch, at)
  await writeLines(state, block.bytes)
  active.end = block.heads.at(-1) ?? active.end
  for (const start of block.starts) active.offsets.push(size + start)
  state.tail.wrote(block)
  state.age.wrote(active.end.n)
  return block.heads
}

async function writeLines(state: State, bytes: Buffer): Promise<void> {
  const kept = state.closed.reduce((sum, segment) => sum + segment.size, state.active.file.size())
  if (kept + bytes.length > state.limits.keptBytes) {
    throw new JournalFault(
      'journal.full',
      `more than ${state.limits.keptBytes} bytes would wait to be shipped`,
    )
  }
  await state.active.file.append(bytes)
}

/** A file that was shipped whole is left sooner, so that what it holds is soon gone from this disk. */
function isTimeToRotate(state: State): boolean {
  // Beyond a broken file nothing may follow: it may hold records that were never acknowledged.
  if (state.active.file.broken()) return false
  const size = state.active.file.size()
  const allShipped = state.shipped >= state.active.end.n
  return size >= (allShipped ? state.limits.segmentBytes / 64 : state.limits.segmentBytes) && size > 0
}

async function rotate(state: State): Promise<void> {
  const { active, options } = state
  const path = segmentPath(options.folder, active.end.n + 1)
  const file = await openAppendFile(path, 0, options.openFile)
  state.closed = [...state.closed, segmentOf(active)]
  state.active = { path, start: active.end, end: active.end, file, offsets: [] }
  await active.file.close()
}

function segmentOf(active: Active): Segment {
  const { path, start, end, offsets, file } = active
  return { path, start, end, offsets, size: file.size() }
}

async function readShipped(state: State, from: number, most: Most): Promise<Buffer> {
  if (from <= state.dropped.n)
    throw new JournalFault('journal.dropped', `records up to ${state.dropped.n} are gone`)
  return state.tail.read(from, most) ?? Buffer.from((await readTexts(state, from, most)).join())
}

async function readTexts(state: State, from: number, { records, bytes }: Most): Promise<readonly string[]> {
  const texts: string[] = []
  let size = 0
  for (const segment of [...state.closed, segmentOf(state.active)]) {
    const first = Math.max(from, segment.start.n + 1)
    const last = Math.min(segment.end.n, first + records - texts.length - 1)
    if (first > last) continue
    for (const line of await readLines(segment, first, last)) {
      const text = shippedLine(line)
      size += text.length
      if (texts.length > 0 && size > bytes) return texts
      texts.push(text)
    }
  }
  return texts
}

async function readLines(segment: Segment, first: number, last: number): Promise<readonly string[]> {
  const start = segment.offsets[first - segment.start.n - 1] ?? 0
  const end = segment.offsets[last - segment.start.n] ?? segment.size
  const file = await open(segment.path, 'r')
  try {
    const { buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start)
    return buffer.toString('utf8').trimEnd().split('\n')
  } finally {
    await file.close()
  }
}

function noteShipped(state: State, n: number): void {
  if (!Number.isSafeInteger(n) || n > state.active.end.n) {
    throw new JournalFault('journal.shipped_ahead', `record ${n} does not exist`)
  }
  state.shipped = Math.max(state.shipped, n)
  state.age.shipped(state.shipped)
  state.tail.shipped(state.shipped)
}

/** The mark goes first: a crash between leaves files that the next start removes, never a hole that it can't explain. */
async function dropShipped(state: State): Promise<void> {
  const gone = state.closed.filter((segment) => segment.end.n <= state.shipped)
  const dropped = gone.at(-1)?.end
  if (!dropped) return
  await writeMark(state.options.folder, { name: state.options.name, dropped, shipped: state.shipped })
  state.dropped = dropped
  state.closed = state.closed.slice(gone.length)
  for (const segment of gone) await rm(segment.path)
}

async function closeJournal(
  state: State,
  commit: GroupedCommit<string, ChainHead>,
  dropping: Promise<void>,
  lock: FileLock,
): Promise<void> {
  await commit.close()
  await dropping.catch(() => undefined)
  try {
    const { dropped, shipped, options } = state
    await writeMark(options.folder, { name: options.name, dropped, shipped })
  } finally {
    await state.active.file.close()
    lock.release()
  }
}
