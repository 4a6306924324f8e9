import { expect, test } from 'vitest'
import { type Block, blockOf } from './journal-block.ts'
import { type JournalTail, journalTail } from './journal-tail.ts'
import { acceptRecords, type ChainRecord, chainStart } from './record-chain.ts'

/** Blocks of a chain, as a journal writes them. */
function blocks(...bodies: readonly (readonly unknown[])[]): readonly Block[] {
  let end = chainStart('rec_a')
  return bodies.map((batch, at) => {
    const texts = batch.map((body) => JSON.stringify(body))
    const block = blockOf(end, texts, at === 0 ? 9 : 1_700_000_000_000)
    end = block.heads.at(-1) ?? end
    return block
  })
}
const all = { records: 99, bytes: 1_000_000 }
function read(tail: JournalTail, from: number, most = all): readonly ChainRecord[] | undefined {
  const bytes = tail.read(from, most)
  return bytes && (JSON.parse(`[${bytes}]`) as ChainRecord[])
}
const numbers = (records: readonly ChainRecord[] | undefined) => records?.map(({ n }) => n)

test('gives what was written last, by number, until it is shipped', () => {
  const tail = journalTail()
  for (const block of blocks([1, { b: 'é' }], ['3', [4]])) tail.wrote(block)
  const records = read(tail, 1)
  expect(records?.map(({ body }) => body)).toEqual([1, { b: 'é' }, '3', [4]])
  expect(acceptRecords(chainStart('rec_a'), records ?? [])).toMatchObject({ ok: true, value: { n: 4 } })
  expect(Object.keys(records?.[2] ?? {})).toEqual(['n', 'prev', 'hash', 'body'])
  expect(numbers(read(tail, 2, { ...all, records: 2 }))).toEqual([2, 3])
  tail.shipped(3)
  expect([numbers(read(tail, 3)), numbers(read(tail, 4))]).toEqual([undefined, [4]])
  tail.shipped(4)
  expect(read(tail, 5)).toBeUndefined()
})

test('begins where the writing begins', () => {
  const tail = journalTail()
  tail.shipped(2)
  const [, second] = blocks([1, 2], [3])
  if (second) tail.wrote(second)
  expect([2, 3, 4].map((from) => numbers(read(tail, from)))).toEqual([undefined, [3], undefined])
})

test('gives no more bytes than asked for, but one record however large', () => {
  const tail = journalTail()
  const [block] = blocks([1, 2, 3])
  if (block) tail.wrote(block)
  const two = Buffer.byteLength(`${tail.read(1, { ...all, records: 2 })}`)
  expect(numbers(read(tail, 1, { ...all, bytes: two }))).toEqual([1, 2])
  expect(numbers(read(tail, 1, { ...all, bytes: two - 1 }))).toEqual([1])
  expect(numbers(read(tail, 2, { ...all, bytes: 1 }))).toEqual([2])
})

test('lets go of the oldest when it holds too much, and keeps the numbers right', () => {
  const [one, two, large, last] = blocks([1, 2, 3], [4, 5], ['x'.repeat(900)], [7])
  const tail = journalTail(600)
  for (const block of [one, two]) if (block) tail.wrote(block)
  expect([numbers(read(tail, 3)), numbers(read(tail, 4))]).toEqual([undefined, [4, 5]])
  if (large) tail.wrote(large)
  expect(read(tail, 6)).toBeUndefined()
  if (last) tail.wrote(last)
  expect(numbers(read(tail, 7))).toEqual([7])
})
