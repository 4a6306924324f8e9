import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory } from './append-file.ts'
import { JournalFault } from './journal-fault.ts'
import type { ChainHead } from './record-chain.ts'

/**
 * What a journal must know besides its records: whose it is, where the chain stood at the last record it dropped, and a number that was
 * shipped for certain (more may have been).
 */
export type JournalMark = { readonly name: string; readonly dropped: ChainHead; readonly shipped: number }

const HASH = /^[\w-]{43}$/

function markPath(folder: string): string {
  return join(folder, 'mark.json')
}

/** `undefined` when the journal is new. A mark that can't be read is a refusal: without it a missing file can't be told from a dropped one. */
export async function readMark(folder: string): Promise<JournalMark | undefined> {
  const text = await readFile(markPath(folder), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw cause
  })
  return text === undefined ? undefined : parseMark(text)
}

/** Replaces the mark as a whole, durably. */
export async function writeMark(folder: string, mark: JournalMark): Promise<void> {
  const fresh = `${markPath(folder)}.new`
  const file = await open(fresh, 'w', 0o600)
  try {
    await file.writeFile(JSON.stringify(mark))
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(fresh, markPath(folder))
  await syncDirectory(folder)
}

function parseMark(text: string): JournalMark {
  const mark = readJson(text)
  const { n, hash } = mark?.dropped ?? { n: -1, hash: '' }
  const counts = [n, mark?.shipped ?? -1].every((count) => Number.isSafeInteger(count) && count >= 0)
  if (!mark || typeof mark.name !== 'string' || !counts || mark.shipped < n || !HASH.test(hash)) {
    throw new JournalFault('journal.missing', 'mark.json is not readable')
  }
  return mark
}

function readJson(text: string): JournalMark | undefined {
  try {
    return JSON.parse(text) as JournalMark
  } catch {
    return undefined
  }
}
