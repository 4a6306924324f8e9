import { describe, expect, it } from 'vitest'
import { unseenIn, withUnseen } from './unseen-text.ts'

describe('what a person does not see of a text', () => {
  it.each([
    ['a zero-width space', 'a\u200Bb', 'a\\u{200b}b'],
    ['a direction override', '\u202Eevil', '\\u{202e}evil'],
    ['a tag character', '\u{E0041}', '\\u{e0041}'],
    ['an escape', '\u001B[2J', '\\u{1b}[2J'],
    ['a C1 control', '\u009B2J', '\\u{9b}2J'],
    ['a blank that is no space', 'a\u00A0b\u3164', 'a\\u{a0}b\\u{3164}'],
    ['a private character', '\uE000', '\\u{e000}'],
  ])('is written out: %s', (_what, text, shown) => {
    expect(withUnseen(text)).toBe(shown)
    expect(unseenIn(text)).toBeGreaterThan(0)
  })
  it('is nothing in what people write', () => {
    const text = 'Liest eine Bestellung; 注文を読む, ﷺ, naïve “quotes” – dashes'
    expect([withUnseen(text), unseenIn(`${text}\n\t`)]).toEqual([text, 0])
  })
})
