import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deriveKey, seal, unseal } from './aead.ts'

const key = randomBytes(32)
const context = ['session', 'a', 'orders']

test('what was sealed comes back under the same key and context, and each time looks different', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(unseal(key, context, seal(key, context, text))).toBe(text)
    }),
  )
  expect(seal(key, context, 'x')).not.toBe(seal(key, context, 'x'))
})

test.each([
  ['another key', randomBytes(32), context],
  ['another context', key, ['session', 'b', 'orders']],
  ['the same words divided otherwise', key, ['session', 'a orders']],
  ['more context', key, [...context, '']],
])('nothing comes back under %s', (_name, other, said) => {
  expect(unseal(other, said, seal(key, context, 'x'))).toBeUndefined()
})

test('no byte can be changed, dropped, added or spelled otherwise', () => {
  const sealed = seal(key, context, 'a session of the server behind')
  for (let at = 0; at < sealed.length; at++) {
    const other = sealed[at] === 'A' ? 'B' : 'A'
    expect(unseal(key, context, sealed.slice(0, at) + other + sealed.slice(at + 1))).toBeUndefined()
  }
  const spelled = [sealed.slice(1), sealed.slice(0, -1), `${sealed}A`, `${sealed}=`, ` ${sealed}`, '', 'AAAA']
  for (const text of spelled) expect(unseal(key, context, text)).toBeUndefined()
})

test('keys that are derived of one root for different uses have nothing in common', () => {
  const all = [
    ['sealing', 'a', '1'],
    ['sealing', 'a', '2'],
    ['sealing', 'b', '1'],
    ['sealing', 'a1'],
  ]
  expect(new Set(all.map((use) => deriveKey(key, use).toString('hex'))).size).toBe(4)
  expect(deriveKey(key, ['x'])).toEqual(deriveKey(key, ['x']))
})
