import { rm, stat } from 'node:fs/promises'
import { JournalFault } from './journal-fault.ts'
import type { JournalMark } from './journal-mark.ts'
import { readMark } from './journal-mark.ts'
import type { Segment } from './journal-segment.ts'
import { brokenChain, listSegments, readSegment, segmentPath } from './journal-segment.ts'
import { chainStart } from './record-chain.ts'

/** What a folder held. `torn` bytes follow the last segment's `size` and are to be cut off; `times` are of the unshipped records. */
export type Recovered = {
  readonly isNew: boolean
  readonly mark: JournalMark
  readonly closed: readonly Segment[]
  readonly active: Segment
  readonly torn: number
  readonly oldestUnshipped?: number
}

/**
 * Reads a journal back after whatever ended it. Finishes a drop that was interrupted; anything else that doesn't fit is refused, never
 * repaired: a lost or altered record is for a person to look at.
 */
export async function recoverJournal(folder: string, name: string): Promise<Recovered> {
  const mark = await readMark(folder)
  if (!mark) return startJournal(folder, name)
  if (mark.name !== name)
    throw new JournalFault('journal.foreign', `the journal in ${folder} is that of ${mark.name}`)
  const read = await readSegments(folder, mark)
  const active = read.segments.at(-1)
  if (!active) throw new JournalFault('journal.missing', `the journal in ${folder} lost its records`)
  if (active.end.n < mark.shipped) {
    const message = `the journal in ${folder} ends at ${active.end.n}, but ${mark.shipped} was shipped`
    throw new JournalFault('journal.rolled_back', message)
  }
  const oldest = read.times[mark.shipped - mark.dropped.n]
  const age = oldest === undefined ? {} : { oldestUnshipped: oldest }
  return { isNew: false, mark, closed: read.segments.slice(0, -1), active, torn: read.torn, ...age }
}

/** A new journal writes its first file, then its mark; so files without a mark are new ones only while they are empty. */
async function startJournal(folder: string, name: string): Promise<Recovered> {
  const start = chainStart(name)
  const path = segmentPath(folder, 1)
  const found = await listSegments(folder)
  const empty = found.length === 0 || (found.length === 1 && (await isEmpty(path)))
  if (!empty) throw new JournalFault('journal.missing', `the journal in ${folder} lost its mark.json`)
  const active = { path, start, end: start, size: 0, offsets: [] }
  return { isNew: true, mark: { name, dropped: start, shipped: 0 }, closed: [], active, torn: 0 }
}

async function readSegments(folder: string, mark: JournalMark) {
  const segments: Segment[] = []
  const times: number[] = []
  let torn = 0
  let end = mark.dropped
  for (const first of await listSegments(folder)) {
    const path = segmentPath(folder, first)
    if (first <= mark.dropped.n) {
      await rm(path)
      continue
    }
    if (first !== end.n + 1 || torn > 0) throw brokenChain(path, end.n + 1)
    const read = await readSegment(path, end)
    segments.push(read.segment)
    for (const time of read.times) times.push(time)
    torn = read.torn
    end = read.segment.end
  }
  return { segments, times, torn }
}

async function isEmpty(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.size === 0,
    () => false,
  )
}
