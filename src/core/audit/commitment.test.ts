import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { commitment, opens } from './commitment.ts'

const salt = Buffer.from('0123456789abcdef').toString('base64url')
const opening = { salt, value: 'ana@a.example' }

describe('commitments', () => {
  it('are the hash of salt, a zero byte and the value', () => {
    const wanted = createHash('sha256').update('0123456789abcdef\0ana@a.example').digest('base64url')
    expect(commitment(opening)).toBe(wanted)
    expect(opens(wanted, opening)).toBe(true)
  })

  it('open with nothing else', () => {
    const committed = commitment(opening)
    expect(opens(committed, { ...opening, value: 'ben@a.example' })).toBe(false)
    expect(
      opens(committed, { ...opening, salt: Buffer.from('0123456789abcdeX').toString('base64url') }),
    ).toBe(false)
    expect(opens(`${committed}x`, opening)).toBe(false)
    expect(opens('', opening)).toBe(false)
  })

  it('take salts of one length and spelling, so that salt and value can not trade bytes', () => {
    const shorter = { salt: Buffer.from('0123456789abcde').toString('base64url'), value: 'f' }
    const spelled = { salt: `${salt.slice(0, -1)}x`, value: opening.value }
    for (const bad of [shorter, spelled, { salt: '', value: '' }, { salt, value: '\ud800' }]) {
      expect(opens(commitment(opening), bad)).toBe(false)
      expect(() => commitment(bad)).toThrow('salt of 16 bytes')
    }
  })
})
