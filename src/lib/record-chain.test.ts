import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ChainHead, ChainRecord } from './record-chain.ts'
import { acceptHead, acceptRecords, canonicalBody, chainStart, recordHash } from './record-chain.ts'

function chain(head: ChainHead, bodies: readonly unknown[]): readonly ChainRecord[] {
  let at = head
  return bodies.map((body) => {
    const record = { n: at.n + 1, prev: at.hash, hash: recordHash(at.hash, canonicalBody(body)), body }
    at = { n: record.n, hash: record.hash }
    return record
  })
}

const start = chainStart('rec_a')
const five = chain(start, ['a', { b: 1 }, [2], null, { c: { d: 'é' } }])
const why = (records: readonly ChainRecord[], head = start) => {
  const result = acceptRecords(head, records)
  return result.ok ? 'ok' : `${result.error.why} ${result.error.n}`
}
const replaced = (at: number, change: Partial<ChainRecord>) =>
  five.map((record, i) => (i === at ? { ...record, ...change } : record))

describe('the receiver of records', () => {
  it('takes what continues its head, in one go or in parts, also after JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 12 }), fc.nat(12), (bodies, cut) => {
        const records = JSON.parse(JSON.stringify(chain(start, bodies))) as ChainRecord[]
        const first = acceptRecords(start, records.slice(0, cut))
        const second = first.ok ? acceptRecords(first.value, records.slice(cut)) : first
        const last = records.at(-1)
        expect(second).toEqual({ ok: true, value: last ? { n: last.n, hash: last.hash } : start })
      }),
    )
  })

  it('does not mind the order of keys in a body', () => {
    expect(recordHash(start.hash, canonicalBody({ a: 1, b: 2 }))).toBe(
      recordHash(start.hash, canonicalBody({ b: 2, a: 1 })),
    )
  })

  it('sees a record left out, repeated or moved as a gap', () => {
    expect(why(five.toSpliced(2, 1))).toBe('gap 3')
    expect(why(five.slice(1))).toBe('gap 1')
    expect(why([...five.slice(0, 2), ...five.slice(1)])).toBe('gap 3')
    expect(why([five[1], five[0]].filter((record) => record !== undefined))).toBe('gap 1')
  })

  it('sees a changed body, number, link or hash as altered', () => {
    expect(why(replaced(2, { body: [3] }))).toBe('altered 3')
    expect(why(replaced(2, { hash: five[1]?.hash ?? '' }))).toBe('altered 3')
    expect(why(replaced(2, { prev: five[0]?.hash ?? '' }))).toBe('altered 3')
    expect(why(replaced(2, { body: '\ud800' }))).toBe('altered 3')
    expect(why(replaced(2, { body: undefined }))).toBe('altered 3')
  })

  it('sees a history rewritten from some record on as a fork', () => {
    const other = chain(start, ['x'])
    const rewritten = chain({ n: 1, hash: other[0]?.hash ?? '' }, [{ b: 1 }])
    expect(why([...five.slice(0, 1), ...rewritten])).toBe('fork 2')
    expect(why(chain(chainStart('rec_b'), ['a'])), 'another recorder').toBe('fork 1')
  })

  it('takes all or nothing', () => {
    const result = acceptRecords(start, replaced(4, { body: 'no' }))
    expect(result).toEqual({ ok: false, error: { reason: 'journal.altered', why: 'altered', n: 5 } })
  })
})

describe('the head that a recorder reports', () => {
  const received = { n: 3, hash: five[2]?.hash ?? '' }
  it('may be the same or further on', () => {
    expect(acceptHead(received, received).ok).toBe(true)
    expect(acceptHead(received, { n: 5, hash: five[4]?.hash ?? '' }).ok).toBe(true)
  })
  it('is a gap when it is behind what was shipped, a fork when it differs at the same number', () => {
    expect(acceptHead(received, start)).toMatchObject({ ok: false, error: { why: 'gap', n: 1 } })
    expect(acceptHead(received, { n: 3, hash: five[1]?.hash ?? '' })).toMatchObject({
      error: { why: 'fork', n: 3 },
    })
  })
})
