import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createFairShare, type FairShare, type NoTurn, type ShareLimits, type Turn } from './fair-share.ts'

const here = () => false
let share: FairShare
const open = (limits: Partial<ShareLimits> = {}) => {
  share = createFairShare({ concurrent: 8, queue: 3, waitMs: 1000, ...limits }, () => performance.now())
}
beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  share.close()
  vi.useRealTimers()
})

/** Asks so many times; what came of each by now is in the list, in order. */
async function ask(key: string, times: number, gone = here): Promise<(Turn | NoTurn | undefined)[]> {
  const all: (Turn | NoTurn | undefined)[] = Array.from({ length: times }, () => undefined)
  for (let at = 0; at < times; at++) {
    void share.take(key, gone).then((came) => {
      all[at] = came
    })
  }
  await vi.advanceTimersByTimeAsync(0)
  return all
}
const said = (all: readonly (Turn | NoTurn | undefined)[]) =>
  all.map((one) => (one === undefined ? 'waits' : 'done' in one ? 'turn' : 'refused')).join(' ')
const end = async (one: Turn | NoTurn | undefined) => {
  if (one && 'done' in one) one.done()
  await vi.advanceTimersByTimeAsync(0)
}

describe('turns of one key', () => {
  it('are all that there are while it asks alone; then some wait, and what is more is refused', async () => {
    open()
    expect(said(await ask('a', 12))).toBe(`${'turn '.repeat(8)}waits waits waits refused`)
    expect(share.refusal('a')).toEqual({ retryAfter: 3 })
    expect(share.refused()).toEqual(new Map([['a', 2]]))
    expect(share.refused()).toEqual(new Map())
  })

  it('go on to who waited longest, once for each that ends, and not to who has left', async () => {
    open()
    const running = await ask('a', 8)
    const left = await ask('a', 1, () => true)
    const waiting = await ask('a', 2)
    await end(running[0])
    await end(running[0])
    expect(said([...left, ...waiting])).toBe('waits turn waits')
  })

  it('are refused to who has waited too long', async () => {
    open()
    await ask('a', 8)
    const waiting = await ask('a', 2)
    await vi.advanceTimersByTimeAsync(1500)
    expect(said(waiting)).toBe('refused refused')
  })

  it('are promised for when those that wait will have had theirs', async () => {
    open({ concurrent: 8, queue: 100, waitMs: 60_000 })
    const running = await ask('a', 8)
    await ask('a', 100)
    for (const one of running.slice(0, 4)) await end(one)
    await ask('a', 4)
    await vi.advanceTimersByTimeAsync(1000)
    expect(share.refusal('a')).toEqual({ retryAfter: 25 })
  })
})

describe('turns of several keys', () => {
  it('do not wait for each other: another key has its own at once, whatever the first one holds', async () => {
    open()
    await ask('a', 12)
    expect(said(await ask('b', 3))).toBe('turn turn waits')
    expect(share.refusal('b')).toBeUndefined()
  })

  it('are half of all together, so that one of them never stands behind as many of another', async () => {
    open()
    const running = await ask('a', 11)
    await ask('b', 1)
    for (const one of running.slice(0, 6)) await end(one)
    expect(said(running.slice(8))).toBe('waits waits waits')
    await end(running[6])
    expect(said(running.slice(8))).toBe('turn waits waits')
  })

  it('begin a few at a time, so that what is quickly done for one is not done for all of it before another is heard', async () => {
    open({ concurrent: 1000, queue: 100 })
    await ask('b', 1)
    const began: string[] = []
    const quick = (key: string) =>
      share.take(key, here).then((turn) => {
        began.push(key)
        if ('done' in turn) turn.done()
      })
    // None of them is ever at work beside another.
    for (let at = 0; at < 50; at++) {
      void quick('a')
      await Promise.resolve()
    }
    await quick('b')
    expect(began.join('')).toBe('aaaab')
    await vi.advanceTimersByTimeAsync(100)
    expect(began).toHaveLength(51)
  })

  it('are all one key’s again once the other has been quiet for a while', async () => {
    open({ waitMs: 60_000 })
    const running = await ask('a', 11)
    const [other] = await ask('b', 1)
    await end(other)
    for (const one of running.slice(0, 6)) await end(one)
    expect(said(running.slice(8))).toBe('waits waits waits')
    await vi.advanceTimersByTimeAsync(2600)
    expect(said(running.slice(8))).toBe('turn turn turn')
  })
})
