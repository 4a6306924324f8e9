import { appendFile, cp, mkdtemp, open, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FilePort } from './append-file.ts'
import type { JournalOptions } from './journal.ts'
import { openJournal } from './journal.ts'
import { acceptRecords, chainStart } from './record-chain.ts'

type Body = { readonly i: number; readonly text?: string }

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-'))
})
afterEach(() => rm(folder, { recursive: true }))

const FIRST = '0000000000000001.jsonl'
const reopen = (more: Partial<JournalOptions> = {}) => openJournal<Body>({ folder, name: 'rec_a', ...more })
const first = () => join(folder, FIRST)

/** A journal with records {i: 1} to {i: count}, closed. */
async function written(count: number, more: Partial<JournalOptions> = {}) {
  const journal = await reopen(more)
  for (let i = 1; i <= count; i += 1) await journal.append({ i })
  await journal.close()
}
async function opening(more: Partial<JournalOptions> = {}): Promise<string> {
  try {
    const journal = await reopen(more)
    await journal.close()
    return `${journal.head().n} records, ${journal.torn} torn`
  } catch (cause) {
    return cause instanceof Error && 'reason' in cause ? String(cause.reason) : String(cause)
  }
}

describe('a journal', () => {
  it('numbers and chains what is appended at the same time, as the receiver wants it', async () => {
    const journal = await reopen()
    const heads = await Promise.all(
      Array.from({ length: 300 }, (_, i) => journal.append({ i, text: 'é\n"\u2028' })),
    )
    expect(heads.map((head) => head.n)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
    const records = await journal.read(1, 1000)
    expect(records.map((record) => record.body.i)).toEqual(Array.from({ length: 300 }, (_, i) => i))
    expect(acceptRecords(chainStart('rec_a'), records)).toEqual({ ok: true, value: journal.head() })
    expect((await journal.read(299, 5)).map((record) => record.n)).toEqual([299, 300])
    expect((await journal.read(2, 2)).map((record) => record.n)).toEqual([2, 3])
    expect(await journal.read(301, 5)).toEqual([])
    await journal.close()
  })

  it('goes on where it was when it is opened again', async () => {
    await written(3)
    const journal = await reopen()
    expect(journal.head().n).toBe(3)
    expect((await journal.append({ i: 4 })).n).toBe(4)
    expect(acceptRecords(chainStart('rec_a'), await journal.read(1, 9))).toMatchObject({ value: { n: 4 } })
    await journal.close()
  })

  it('is open in one place at a time', async () => {
    const journal = await reopen()
    expect(await opening()).toBe('journal.locked')
    await journal.close()
    expect(await opening()).toBe('0 records, 0 torn')
  })

  it('belongs to the recorder that began it', async () => {
    await written(1)
    expect(await opening({ name: 'rec_b' })).toBe('journal.foreign')
  })

  it('keeps its files to its user', async () => {
    await written(1)
    for (const name of [FIRST, 'mark.json']) expect((await stat(join(folder, name))).mode & 0o077).toBe(0)
  })

  it('refuses a body that is too large or not JSON, and only that one', async () => {
    const journal = await reopen({ limits: { bodyBytes: 100 } })
    const bad = [
      journal.append({ i: 1, text: 'x'.repeat(100) }),
      journal.append({ i: Number.NaN }),
      journal.append({ i: 1, text: '\ud800' }),
    ]
    const good = journal.append({ i: 2 })
    for (const one of await Promise.allSettled(bad)) {
      expect(one).toMatchObject({ status: 'rejected', reason: { reason: 'journal.body_refused' } })
    }
    expect((await good).n).toBe(1)
    await journal.close()
  })
})

describe('a journal that is shipped', () => {
  const limits = { segmentBytes: 400 }

  it('drops files that are shipped whole, and nothing else', async () => {
    const journal = await reopen({ limits })
    for (let i = 1; i <= 20; i += 1) await journal.append({ i })
    const files = async () => (await readdir(folder)).filter((name) => name.endsWith('.jsonl'))
    const before = await files()
    expect(before.length).toBeGreaterThan(5)
    await journal.shipped(10)
    expect((await files()).length).toBeLessThan(before.length)
    expect((await journal.read(11, 100)).map((record) => record.body.i)).toEqual([
      11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
    ])
    await expect(journal.read(1, 1)).rejects.toMatchObject({ reason: 'journal.dropped' })
    await expect(journal.shipped(21)).rejects.toMatchObject({ reason: 'journal.shipped_ahead' })
    expect(journal.unshipped()).toBe(10)
    await journal.close()
    const again = await reopen({ limits })
    expect(again.unshipped()).toBe(10)
    expect((await again.append({ i: 21 })).n).toBe(21)
    expect(
      acceptRecords({ n: 10, hash: (await again.read(11, 1))[0]?.prev ?? '' }, await again.read(11, 99)).ok,
    ).toBe(true)
    await again.close()
  })

  it('finishes a drop that a crash interrupted, and sees a file that was taken away', async () => {
    const journal = await reopen({ limits })
    for (let i = 1; i <= 20; i += 1) await journal.append({ i })
    await cp(folder, `${folder}-copy`, { recursive: true })
    await journal.shipped(10)
    await journal.close()
    await cp(join(`${folder}-copy`, FIRST), first())
    expect(await opening({ limits })).toBe('20 records, 0 torn')
    expect(await readdir(folder)).not.toContain(FIRST)
    const [oldest = ''] = (await readdir(folder)).filter((name) => name.endsWith('.jsonl'))
    await rm(join(folder, oldest))
    expect(await opening({ limits })).toBe('journal.broken_chain')
    await rm(`${folder}-copy`, { recursive: true })
  })

  it('knows after a crash what it dropped', async () => {
    const journal = await reopen({ limits })
    for (let i = 1; i <= 20; i += 1) await journal.append({ i })
    await journal.shipped(10)
    await cp(folder, `${folder}-copy`, { recursive: true })
    await journal.close()
    const copy = await openJournal<Body>({ folder: `${folder}-copy`, name: 'rec_a' })
    expect([copy.head().n, copy.unshipped()]).toEqual([20, 10])
    await copy.close()
    await rm(`${folder}-copy`, { recursive: true })
  })

  it('begins a new file soon after all was shipped, so that little lies around', async () => {
    const journal = await reopen({ limits: { segmentBytes: 640 } })
    await journal.append({ i: 1 })
    await journal.shipped(1)
    await journal.append({ i: 2 })
    await journal.shipped(2)
    expect(await readdir(folder)).not.toContain(FIRST)
    await journal.close()
  })

  it('refuses more than may wait, until some of it was shipped', async () => {
    const journal = await reopen({ limits: { segmentBytes: 200, keptBytes: 1000 } })
    const refused = async () => {
      for (let i = 0; ; i += 1) await journal.append({ i })
    }
    await expect(refused()).rejects.toMatchObject({ reason: 'journal.full' })
    const { n } = journal.head()
    await journal.shipped(n)
    expect((await journal.append({ i: 1 })).n).toBe(n + 1)
    await journal.close()
  })
})

describe('the age of what was not shipped', () => {
  it('is that of the oldest such record', async () => {
    let clock = 1000
    const journal = await reopen({ monotonic: () => clock })
    expect(journal.unshippedMs()).toBe(0)
    await journal.append({ i: 1 })
    clock += 500
    await journal.append({ i: 2 })
    clock += 200
    expect(journal.unshippedMs()).toBe(700)
    await journal.shipped(1)
    expect(journal.unshippedMs()).toBe(200)
    await journal.shipped(2)
    expect(journal.unshippedMs()).toBe(0)
    await journal.close()
  })

  it('goes on over a restart', async () => {
    let wall = 5_000_000
    await written(2, { now: () => wall })
    wall += 60_000
    const journal = await reopen({ now: () => wall, monotonic: () => 7 })
    expect(journal.unshippedMs()).toBe(60_000)
    await journal.shipped(2)
    expect(journal.unshippedMs()).toBe(0)
    await journal.close()
  })
})

describe('a journal on a full or failing disk', () => {
  function disk() {
    const state = { room: 1_000_000, syncs: 0, broken: false }
    const openFile = async (path: string): Promise<FilePort> => {
      await appendFile(path, '')
      const file = await open(path, 'r+')
      return {
        write: (bytes, offset, length, position) => {
          const fits = Math.min(length, state.room - position)
          if (fits <= 0) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
          return file.write(bytes, offset, fits, position)
        },
        datasync: async () => {
          state.syncs += 1
          if (state.broken) throw Object.assign(new Error('i/o error'), { code: 'EIO' })
          await file.datasync()
        },
        truncate: (length) => file.truncate(length),
        close: () => file.close(),
      }
    }
    return { state, openFile }
  }

  it('rejects what does not fit, leaves no trace of it, and goes on when there is room', async () => {
    const { state, openFile } = disk()
    const journal = await reopen({ openFile })
    await journal.append({ i: 1 })
    state.room = (await stat(first())).size + 30
    await expect(journal.append({ i: 2 })).rejects.toMatchObject({ reason: 'file.full' })
    expect(journal.head().n).toBe(1)
    expect(await journal.read(2, 1)).toEqual([])
    await cp(folder, `${folder}-copy`, { recursive: true })
    state.room = 1_000_000
    expect((await journal.append({ i: 3 })).n).toBe(2)
    await journal.close()
    expect(await opening()).toBe('2 records, 0 torn')
    const copy = await openJournal<Body>({ folder: `${folder}-copy`, name: 'rec_a' })
    expect(copy.head().n, 'as a crash at that moment would have left it').toBe(1)
    await copy.close()
    await rm(`${folder}-copy`, { recursive: true })
  })

  it('answers after the fsync, one for all who waited', async () => {
    const { state, openFile } = disk()
    const journal = await reopen({ openFile })
    state.syncs = 0
    await Promise.all(Array.from({ length: 50 }, (_, i) => journal.append({ i })))
    expect(state.syncs).toBe(1)
    await journal.close()
  })

  it('rejects all that follows a failed fsync, and can be opened again', async () => {
    const { state, openFile } = disk()
    const journal = await reopen({ openFile, limits: { segmentBytes: 64 } })
    await journal.append({ i: 1 })
    await journal.append({ i: 2 })
    state.broken = true
    await expect(journal.append({ i: 3 })).rejects.toMatchObject({ reason: 'file.broken' })
    await journal.close()
    expect(await opening()).toMatch(/^[23] records, 0 torn$/)
  })

  it('writes no new file behind a broken one', async () => {
    const { state, openFile } = disk()
    const journal = await reopen({ openFile, limits: { segmentBytes: 640 } })
    await journal.append({ i: 1 })
    state.broken = true
    await expect(journal.append({ i: 2 })).rejects.toMatchObject({ reason: 'file.broken' })
    state.broken = false
    await journal.shipped(1)
    await expect(journal.append({ i: 3 })).rejects.toMatchObject({ reason: 'file.broken' })
    await journal.close()
    expect(await opening()).toMatch(/^[12] records, 0 torn$/)
  })
})
