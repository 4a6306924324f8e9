import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { BLOCK_LIMIT, blocksAlways } from './loop-watch.ts'

function busy(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

test('what keeps the thread to itself is seen, every time', async () => {
  expect(await blocksAlways(async () => busy(BLOCK_LIMIT + 30))).toBe(true)
})

test('what waits, or held everybody up but once, is not', async () => {
  expect(await blocksAlways(() => setTimeout(BLOCK_LIMIT + 30))).toBe(false)
  let times = 0
  const once = async () => {
    if (times === 0) busy(BLOCK_LIMIT + 30)
    times += 1
  }
  expect(await blocksAlways(once)).toBe(false)
  expect(times).toBeGreaterThan(1)
})
