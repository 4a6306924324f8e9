import { spawn } from 'node:child_process'
import { appendFile, cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JournalOptions } from './journal.ts'
import { openJournal } from './journal.ts'
import { canonicalBody, chainStart, recordHash } from './record-chain.ts'

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

describe('a journal after a crash', () => {
  it('loses nothing acknowledged and cuts off an unfinished line, at every byte', async () => {
    await written(2)
    const whole = await readFile(first())
    const second = whole.indexOf('\n') + 1
    for (let cut = second; cut < whole.length; cut += 7) {
      await writeFile(first(), whole.subarray(0, cut))
      await rm(join(folder, 'mark.json'))
      await writeFile(
        join(folder, 'mark.json'),
        JSON.stringify({ name: 'rec_a', dropped: chainStart('rec_a'), shipped: 0 }),
      )
      expect(await opening()).toBe(`1 records, ${cut - second} torn`)
      expect((await stat(first())).size).toBe(second)
    }
  })

  it('takes a tail of zero bytes for an unfinished append', async () => {
    await written(2)
    await appendFile(first(), Buffer.alloc(4096))
    expect(await opening()).toBe('2 records, 4096 torn')
    expect(await opening()).toBe('2 records, 0 torn')
  })

  it('does not start over a changed byte anywhere in a finished line', async () => {
    await written(3)
    const whole = await readFile(first())
    for (let at = 0; at < whole.length - 1; at += 5) {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] ?? 0) ^ 1
      await writeFile(first(), changed)
      const got = await opening()
      // The local time of a line is outside the chain: it only feeds an age.
      if (got !== 'journal.broken_chain') {
        expect(whole.toString('utf8', at - 20, at), got).toMatch(/"at":\d*$/)
        expect(got).toBe('3 records, 0 torn')
      }
    }
  })

  it('does not start over a line left out, repeated or moved', async () => {
    await written(3)
    const lines = (await readFile(first(), 'utf8')).split('\n').slice(0, 3)
    for (const order of [
      [0, 2],
      [1, 2],
      [0, 0, 1, 2],
      [1, 0, 2],
      [0, 1, 2, 2],
    ]) {
      await writeFile(first(), order.map((i) => `${lines[i]}\n`).join(''))
      expect(await opening(), order.join()).toBe('journal.broken_chain')
    }
  })

  it('does not start without its records or its mark', async () => {
    await written(2)
    await cp(folder, `${folder}-copy`, { recursive: true })
    await rm(join(folder, 'mark.json'))
    expect(await opening()).toBe('journal.missing')
    await writeFile(join(folder, 'mark.json'), '{"name":"rec_a"}')
    expect(await opening()).toBe('journal.missing')
    await cp(`${folder}-copy`, folder, { recursive: true })
    await rm(first())
    expect(await opening()).toBe('journal.missing')
    await rm(`${folder}-copy`, { recursive: true })
  })

  it('does not start behind what it shipped', async () => {
    const journal = await reopen()
    for (let i = 1; i <= 3; i += 1) await journal.append({ i })
    await journal.shipped(3)
    await journal.close()
    const whole = await readFile(first(), 'utf8')
    await truncate(first(), whole.indexOf('\n') + 1)
    expect(await opening()).toBe('journal.rolled_back')
  })

  it('starts when it ended between its first file and its mark', async () => {
    await writeFile(first(), '')
    expect(await opening()).toBe('0 records, 0 torn')
  })

  it('does not start over a wrong number, or a line that continues another history', async () => {
    await written(3)
    const whole = await readFile(first(), 'utf8')
    await writeFile(first(), whole.replace('"n":2', '"n":7'))
    expect(await opening()).toBe('journal.broken_chain')
    const [one = '', two = ''] = whole.split('\n')
    const prev = chainStart('rec_b').hash
    const forked = { ...JSON.parse(two), prev, hash: recordHash(prev, canonicalBody({ i: 2 })) }
    await writeFile(first(), `${one}\n${JSON.stringify(forked)}\n`)
    expect(await opening()).toBe('journal.broken_chain')
  })

  it('does not start over an older file with a torn end, or a file that begins elsewhere', async () => {
    await written(9, { limits: { segmentBytes: 400 } })
    expect((await readdir(folder)).filter((name) => name.endsWith('.jsonl')).length).toBeGreaterThan(2)
    await appendFile(first(), '{"n":')
    expect(await opening()).toBe('journal.broken_chain')
    await truncate(first(), (await stat(first())).size - 5)
    expect(await opening()).toBe('9 records, 0 torn')
    await writeFile(join(folder, '0000000000000012.jsonl'), '')
    expect(await opening()).toBe('journal.broken_chain')
  })

  it.each([-1, 1.5, '1', null])('does not start with a mark that says %s was shipped', async (shipped) => {
    await written(1)
    await writeFile(
      join(folder, 'mark.json'),
      JSON.stringify({ name: 'rec_a', dropped: chainStart('rec_a'), shipped }),
    )
    expect(await opening()).toBe('journal.missing')
  })
})

describe('a journal whose process is killed', () => {
  const child = `
    const { openJournal } = await import(process.argv[1])
    const journal = await openJournal({ folder: process.argv[2], name: 'rec_a', limits: { segmentBytes: 20000 } })
    const write = async () => { for (;;) { const { n, hash } = await journal.append({ i: 0 }); process.stdout.write(n + ' ' + hash + '\\n') } }
    await Promise.all(Array.from({ length: 20 }, write))`

  it('has every record that it acknowledged, and is free to be opened at once', async () => {
    const module = new URL('./journal.ts', import.meta.url).href
    for (let round = 0; round < 3; round += 1) {
      const victim = spawn(process.execPath, ['--input-type=module', '-e', child, module, folder])
      let said = ''
      victim.stdout.on('data', (bytes) => {
        said += bytes
      })
      const gone = new Promise((resolve) => victim.on('close', resolve))
      while (said.length < 20_000) await new Promise((resolve) => setTimeout(resolve, 5))
      expect(await opening()).toBe('journal.locked')
      victim.kill('SIGKILL')
      await gone
      const journal = await reopen()
      const kept = new Map((await journal.read(1, 1_000_000)).map((record) => [record.n, record.hash]))
      const acknowledged = said
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split(' '))
      for (const [n, hash] of acknowledged) expect(kept.get(Number(n))).toBe(hash)
      expect(acknowledged.length).toBeGreaterThan(100)
      await journal.close()
    }
  })
})
