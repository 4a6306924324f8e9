import { describe, expect, it } from 'vitest'
import { createEventReader, eventOf } from './event-stream.ts'

describe('an event stream', () => {
  it.each(['\n', '\r\n', '\r'])('is read however it is cut, with lines ended by %j', (end) => {
    const text = [
      ': alive',
      '',
      'event: message',
      'id: 1',
      'data: {"a":',
      'data: 1}',
      '',
      'data:x',
      '',
      '',
    ].join(end)
    for (const size of [1, 2, 3, text.length]) {
      const reader = createEventReader()
      const found: string[] = []
      for (let at = 0; at < text.length; at += size)
        found.push(...(reader.push(text.slice(at, at + size)) ?? []))
      // A lone CR at the very end could be half of CRLF, so it waits for what follows.
      found.push(...(reader.push('\n') ?? []))
      expect(found).toEqual(['{"a":\n1}', 'x'])
    }
  })

  it('is given up once one event is longer than the limit', () => {
    const reader = createEventReader(10)
    expect(reader.push('data: 123\n\n')).toEqual(['123'])
    expect(reader.push('data: 1234')).toEqual([])
    expect(reader.push('5678')).toBeUndefined()
  })

  it('is written so that it is read again', () => {
    const message = { text: 'two\nlines' }
    expect(
      createEventReader()
        .push(eventOf(message))
        ?.map((each) => JSON.parse(each)),
    ).toEqual([message])
  })
})
