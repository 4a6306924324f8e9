import { generateKeyPairSync, sign, verify } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { derFromJose, joseFromDer } from './ecdsa-signature.ts'

const CURVES = [
  { curve: 'P-256', length: 64 },
  { curve: 'P-384', length: 96 },
] as const

describe.each(CURVES)('a signature of $curve', ({ curve, length }) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve })
  const jose = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const

  test('is written as Node writes it, whatever its leading bits are', () => {
    for (let at = 0; at < 600; at++) {
      const data = Buffer.from(`message ${at}`)
      const der = sign('sha256', data, privateKey)
      const signature = joseFromDer(der, length)
      expect(signature).toHaveLength(length)
      expect(verify('sha256', data, jose, signature)).toBe(true)
      expect(derFromJose(signature)).toEqual(der)
    }
  })

  test('keeps its two numbers through both spellings, also small ones, zeros and the largest', () => {
    const byte = fc.oneof(
      fc.constant(0),
      fc.constant(1),
      fc.constant(0x7f),
      fc.constant(0x80),
      fc.integer({ min: 0, max: 255 }),
    )
    fc.assert(
      fc.property(fc.array(byte, { minLength: length, maxLength: length }), (bytes) => {
        const signature = Buffer.from(bytes)
        expect(joseFromDer(derFromJose(signature), length)).toEqual(signature)
      }),
    )
  })
})

test('numbers are written as DER demands: shortest, and never negative', () => {
  const of = (r: number[], s: number[]) =>
    Buffer.concat([Buffer.alloc(32 - r.length), Buffer.from(r), Buffer.alloc(32 - s.length), Buffer.from(s)])
  expect(derFromJose(of([1], [0x80])).toString('hex')).toBe('300702010102020080')
  expect(derFromJose(of([], [0x7f])).toString('hex')).toBe('30060201000201' + '7f')
  expect(derFromJose(Buffer.alloc(64, 0xff))[1]).toBe(70)
})
