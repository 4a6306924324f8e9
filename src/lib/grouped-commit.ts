import { setTimeout as wait } from 'node:timers/promises'

/** An item that was not taken: nothing of it happened. `reason` is `commit.queue_full` or `commit.closed`. */
export class CommitRefused extends Error {
  override readonly name = 'CommitRefused'
  readonly reason: 'commit.queue_full' | 'commit.closed'
  constructor(reason: CommitRefused['reason'], message: string) {
    super(message)
    this.reason = reason
  }
}

/**
 * `maxBatch` items at most go into one commit; `maxQueue` at most wait for one, further ones are refused. `gatherMs`: how much longer the
 * next commit waits for more after one that was for several; none by default, and never where one caller asks at a time.
 */
export type CommitLimits = {
  readonly maxBatch: number
  readonly maxQueue: number
  readonly gatherMs?: number
}
/** So many in one commit are a crowd: those who follow gain more by sharing one than they lose by waiting. */
const CROWD = 4

/** Hands one item to the next commit and answers its own result. `close` refuses new items and waits for those taken. */
export type GroupedCommit<T, R> = {
  (item: T): Promise<R>
  close(): Promise<void>
}

type Waiting<T, R> = {
  readonly item: T
  readonly resolve: (result: R) => void
  readonly reject: (cause: unknown) => void
}

/**
 * Makes one costly commit (an fsync, a transaction) serve all who ask meanwhile: one batch is in flight, the next gathers. Items
 * keep their order. `commit` answers one result per item, in order; when it fails, exactly the items of that batch fail.
 */
export function groupCommits<T, R>(
  commit: (batch: readonly T[]) => Promise<readonly R[]>,
  limits: CommitLimits,
): GroupedCommit<T, R> {
  const waiting: Waiting<T, R>[] = []
  let running: Promise<void> | undefined
  let closed = false

  async function drain(): Promise<void> {
    let crowd = false
    while (waiting.length > 0) {
      if (crowd && limits.gatherMs) await wait(limits.gatherMs)
      // Once more around the event loop, so that everyone whose bytes are already here goes into this batch.
      await new Promise((resolve) => setImmediate(resolve))
      const batch = waiting.splice(0, limits.maxBatch)
      crowd = batch.length >= CROWD && batch.length < limits.maxBatch
      await commitBatch(commit, batch)
    }
    running = undefined
  }

  function submit(item: T): Promise<R> {
    if (closed) return Promise.reject(new CommitRefused('commit.closed', 'no more is taken: closing'))
    if (waiting.length >= limits.maxQueue) {
      const says = `${limits.maxQueue} items wait for a commit already`
      return Promise.reject(new CommitRefused('commit.queue_full', says))
    }
    const result = new Promise<R>((resolve, reject) => waiting.push({ item, resolve, reject }))
    running ??= drain()
    return result
  }

  async function close(): Promise<void> {
    closed = true
    await running
  }

  return Object.assign(submit, { close })
}

async function commitBatch<T, R>(
  commit: (batch: readonly T[]) => Promise<readonly R[]>,
  batch: readonly Waiting<T, R>[],
): Promise<void> {
  try {
    const results = await commit(batch.map((one) => one.item))
    // Answering some and not others would leave callers guessing what was committed.
    if (results.length !== batch.length)
      throw new Error('a commit answered another number of items than it took')
    for (const [at, result] of results.entries()) batch[at]?.resolve(result)
  } catch (cause) {
    for (const one of batch) one.reject(cause)
  }
}
