import { describe, expect, it } from 'vitest'
import { readLines } from './read-lines.ts'

const lines = (pieces: Iterable<Uint8Array>) => Array.fromAsync(readLines(ReadableStream.from(pieces)))

describe('lines out of bytes', () => {
  it('are the same wherever the bytes are cut', async () => {
    const bytes = Buffer.from('eins\nzwölf\n\ndrei')
    for (let size = 1; size <= bytes.length; size += 1) {
      const count = Math.ceil(bytes.length / size)
      const pieces = Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
      expect(await lines(pieces)).toEqual(['eins', 'zwölf', '', 'drei'])
    }
  })

  it('are unreadable when they are not UTF-8 or too long, also where they end', async () => {
    expect(await lines([Buffer.from([0x61, 0xff, 0x0a, 0x62])])).toEqual(['\ufffd', 'b'])
    expect(await lines([Buffer.concat([Buffer.alloc(1_048_577, 'a'), Buffer.from('\nb')])])).toEqual([
      '\ufffd',
      'b',
    ])
    expect(await lines([Buffer.concat([Buffer.alloc(1_048_576, 'a'), Buffer.from('\nb')])])).toHaveLength(2)
  })

  it('are not read on when one does not end', async () => {
    let pieces = 0
    const endless = async function* () {
      for (; pieces < 1000; pieces += 1) yield Buffer.alloc(65_536, 'a')
    }
    expect(await Array.fromAsync(readLines(endless()))).toEqual(['\ufffd'])
    expect(pieces).toBeLessThan(20)
  })
})
