import { expect, test } from 'vitest'
import { journalTail } from './journal-tail.ts'

test('gives what was written last, by number, until it is shipped', () => {
  const tail = journalTail()
  tail.wrote(2, ['1', '2'])
  tail.wrote(4, ['3', '4'])
  expect(tail.read(1, 9)).toEqual(['1', '2', '3', '4'])
  expect(tail.read(2, 2)).toEqual(['2', '3'])
  tail.shipped(3)
  expect([tail.read(3, 1), tail.read(4, 9)]).toEqual([undefined, ['4']])
  tail.shipped(4)
  expect(tail.read(5, 1)).toBeUndefined()
})

test('begins where the writing begins', () => {
  const tail = journalTail()
  tail.shipped(7)
  tail.wrote(8, ['8'])
  expect([tail.read(7, 1), tail.read(8, 1), tail.read(9, 1)]).toEqual([undefined, ['8'], undefined])
})

test('lets go of the oldest when it holds too much, and keeps the numbers right', () => {
  const tail = journalTail(4)
  tail.wrote(3, ['1', '2', '3'])
  tail.wrote(5, ['4', '5'])
  expect([tail.read(3, 1), tail.read(4, 9)]).toEqual([undefined, ['4', '5']])
  tail.wrote(6, ['larger'])
  expect(tail.read(6, 1)).toBeUndefined()
  tail.wrote(7, ['7'])
  expect(tail.read(7, 1)).toEqual(['7'])
})
