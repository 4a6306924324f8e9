import { describe, expect, it } from 'vitest'
import { groupCommits } from './grouped-commit.ts'

/** A commit that records its batches and ends when told to. */
function gate() {
  const batches: (readonly number[])[] = []
  const open: (() => void)[] = []
  const commit = async (batch: readonly number[]) => {
    batches.push(batch)
    await new Promise<void>((resolve) => open.push(resolve))
    if (batch.includes(13)) throw new Error('unlucky')
    return batch.map((item) => item * 10)
  }
  const release = async () => {
    await new Promise((resolve) => setImmediate(resolve))
    open.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { batches, commit, release }
}

describe('grouped commit', () => {
  it('gathers what comes while a batch is in flight, in order, up to the batch limit', async () => {
    const { batches, commit, release } = gate()
    const put = groupCommits(commit, { maxBatch: 3, maxQueue: 100 })
    const first = [put(1), put(2)]
    await release()
    expect(await Promise.all(first)).toEqual([10, 20])
    const held = put(3)
    await new Promise((resolve) => setImmediate(resolve))
    const rest = [4, 5, 6, 7].map(put)
    expect(batches).toEqual([[1, 2], [3]])
    for (let i = 0; i < 3; i += 1) await release()
    expect(await Promise.all([held, ...rest])).toEqual([30, 40, 50, 60, 70])
    expect(batches).toEqual([[1, 2], [3], [4, 5, 6], [7]])
  })

  it('waits a little for more after a crowd, and not after a few', async () => {
    const { batches, commit, release } = gate()
    const put = groupCommits(commit, { maxBatch: 9, maxQueue: 100, gatherMs: 40 })
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    const few = [put(1), put(2)]
    await turn()
    few.push(put(3))
    await release()
    await turn()
    expect(batches).toEqual([[1, 2], [3]])
    const crowd = [4, 5, 6, 7].map(put)
    await release()
    await turn()
    expect(batches.at(-1)).toEqual([4, 5, 6, 7])
    const after = [put(8)]
    await release()
    await turn()
    after.push(put(9))
    expect(batches).toHaveLength(3)
    await expect.poll(() => batches.at(-1)).toEqual([8, 9])
    await release()
    await Promise.all([...few, ...crowd, ...after])
  })

  it('fails exactly the items of a batch that fails', async () => {
    const { commit, release } = gate()
    const put = groupCommits(commit, { maxBatch: 2, maxQueue: 100 })
    const all = Promise.allSettled([1, 13, 3, 4].map(put))
    await release()
    await release()
    expect((await all).map((one) => one.status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled'])
  })

  it('refuses what exceeds the queue, and takes more once it drained', async () => {
    const { commit, release } = gate()
    const put = groupCommits(commit, { maxBatch: 1, maxQueue: 2 })
    const kept = [put(1), put(2)]
    await expect(put(3)).rejects.toMatchObject({ reason: 'commit.queue_full' })
    for (let i = 0; i < 2; i += 1) await release()
    expect(await Promise.all(kept)).toEqual([10, 20])
    const later = put(4)
    await release()
    expect(await later).toBe(40)
  })

  it('drains before it is closed, and takes nothing after', async () => {
    const { batches, commit, release } = gate()
    const put = groupCommits(commit, { maxBatch: 1, maxQueue: 10 })
    const all = Promise.all([put(1), put(2)])
    let closed = false
    const closing = put.close().then(() => {
      closed = true
    })
    await expect(put(3)).rejects.toMatchObject({ reason: 'commit.closed' })
    await release()
    expect(closed).toBe(false)
    await release()
    await closing
    expect(await all).toEqual([10, 20])
    expect(batches).toEqual([[1], [2]])
  })

  it('fails a batch whose commit answers another number of items', async () => {
    const put = groupCommits(async (batch: readonly number[]) => batch.slice(1), { maxBatch: 9, maxQueue: 9 })
    const all = await Promise.allSettled([put(1), put(2)])
    expect(all.map((one) => one.status)).toEqual(['rejected', 'rejected'])
  })

  it('fails a batch whose commit throws before it starts', async () => {
    const put = groupCommits<number, number>(
      () => {
        throw new Error('at once')
      },
      { maxBatch: 9, maxQueue: 9 },
    )
    await expect(put(1)).rejects.toThrow('at once')
    await expect(put(2)).rejects.toThrow('at once')
  })
})
