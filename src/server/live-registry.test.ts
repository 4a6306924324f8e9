import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Revision, revision, type TenantName } from '../core/ids.ts'
import { Unavailable } from '../core/refusal.ts'
import type { Change } from '../core/registry.ts'
import { atRevision, emptySnapshot } from '../core/snapshot.ts'
import { type LiveRegistry, startLiveRegistry } from './live-registry.ts'

/** A registry that commits, notifies, and can be held up or broken. */
function fakeStore() {
  const committed: Change[] = []
  const listeners = new Set<() => void>()
  let head = 0
  let heads = 0
  let reading = 0
  let most = 0
  let broken: Error | undefined
  let held: PromiseWithResolvers<void> | undefined
  return {
    commit: (notify = true) => {
      head += 1
      committed.push({
        tenant: 'a' as TenantName,
        kind: 'tenant',
        name: 'a',
        doc: null,
        revision: revision(head),
      })
      if (notify) for (const listener of listeners) listener()
    },
    putBack: (to: number) => {
      head = to
      committed.length = to
    },
    hold: () => {
      held = Promise.withResolvers()
      return held.resolve
    },
    break: (error: Error | undefined) => {
      broken = error
    },
    reads: () => heads,
    mostAtOnce: () => most,
    listening: () => listeners.size,
    store: {
      head: async (): Promise<Revision> => {
        heads += 1
        reading += 1
        most = Math.max(most, reading)
        const answer = head
        await held?.promise
        reading -= 1
        if (broken) throw broken
        return revision(answer)
      },
      changes: async (after: Revision) => committed.filter((change) => change.revision > after),
      onCommit: async (listener: () => void) => {
        listeners.add(listener)
        return async () => void listeners.delete(listener)
      },
    },
  }
}

let fake: ReturnType<typeof fakeStore>
let live: LiveRegistry
let faults: unknown[]
let applied: number[]

beforeEach(async () => {
  fake = fakeStore()
  faults = []
  applied = []
  live = await startLiveRegistry(
    fake.store,
    emptySnapshot(),
    (snapshot, changes) => {
      for (const change of changes) applied.push(change.revision)
      return atRevision(snapshot, changes.at(-1)?.revision ?? snapshot.revision)
    },
    (fault) => faults.push(fault),
  )
})
afterEach(async () => {
  fake.break(undefined)
  await live.close()
  vi.restoreAllMocks()
})

describe('what an authority decides from', () => {
  it('follows each commit, in order, each once', async () => {
    const told: number[] = []
    live.onChange((changes, at) => told.push(...changes.map((change) => change.revision), at))
    fake.commit()
    await live.refresh()
    fake.commit()
    fake.commit()
    await live.refresh()
    expect([applied, live.snapshot().revision]).toEqual([[1, 2, 3], 3])
    expect(told.filter((_, index) => index === told.length - 1)).toEqual([3])
    expect(live.documents().size).toBe(1)
  })

  it('is read once for all who ask while a read is under way, and that read starts after they asked', async () => {
    const release = fake.hold()
    const before = fake.reads()
    const first = live.refresh()
    fake.commit(false)
    const rest = Array.from({ length: 50 }, () => live.refresh())
    release()
    await Promise.all([first, ...rest])
    expect([fake.reads() - before, live.snapshot().revision]).toEqual([2, 1])
  })

  it('is never read twice at once, whenever somebody asks', async () => {
    const asks: Promise<void>[] = []
    for (let round = 0; round < 200; round += 1) {
      fake.commit()
      asks.push(live.refresh())
      // Asked at every turn of the loop that a read takes, also right between its end and the next one's start.
      for (let turn = 0; turn < round % 7; turn += 1) await undefined
      asks.push(live.refresh())
    }
    await Promise.all(asks)
    expect(fake.mostAtOnce()).toBe(1)
    expect(applied).toEqual(Array.from({ length: 200 }, (_, index) => index + 1))
  })

  it('hears of a commit by itself', async () => {
    fake.commit()
    await vi.waitFor(() => expect(live.snapshot().revision).toBe(1))
  })

  it('goes on to every listener when one of them fails', async () => {
    const told: number[] = []
    live.onChange(() => {
      throw new Error('broken')
    })
    live.onChange((_changes, at) => told.push(at))
    fake.commit(false)
    await live.refresh()
    expect([told, faults]).toEqual([[1], [expect.objectContaining({ message: 'broken' })]])
  })
})

describe('its age', () => {
  it('is counted from before the read that confirmed it', async () => {
    const release = fake.hold()
    const read = live.refresh()
    await wait(40)
    release()
    await read
    expect(live.ageMs()).toBeGreaterThanOrEqual(38)
  })

  it('grows while the database cannot be read, and nothing is confirmed', async () => {
    const confirmed: number[] = []
    live.onConfirmed((at) => confirmed.push(at))
    await live.refresh()
    expect(confirmed).toEqual([0])
    fake.break(new Unavailable('store.unreachable', 'gone'))
    const before = live.ageMs()
    await expect(live.refresh()).rejects.toThrow('gone')
    await wait(30)
    await expect(live.refresh()).rejects.toThrow('gone')
    expect([live.ageMs() - before >= 28, confirmed]).toEqual([true, [0]])
    fake.break(undefined)
    await live.refresh()
    expect([live.ageMs() < 20, confirmed]).toEqual([true, [0, 0]])
  })

  it('grows while the database only hangs', async () => {
    const release = fake.hold()
    const read = live.refresh()
    await wait(30)
    expect(live.ageMs()).toBeGreaterThanOrEqual(28)
    release()
    await read
  })

  it('grows when the database is behind what was read from it before: it was put back, or is a standby', async () => {
    fake.commit(false)
    fake.commit(false)
    await live.refresh()
    const confirmed: number[] = []
    live.onConfirmed((at) => confirmed.push(at))
    fake.putBack(1)
    await expect(live.refresh()).rejects.toMatchObject({ reason: 'registry.behind' })
    expect([live.snapshot().revision, confirmed]).toEqual([2, []])
  })

  it('is looked after every second, and what fails is reported', async () => {
    fake.break(new Unavailable('store.unreachable', 'gone'))
    await vi.waitFor(() => expect(faults).toHaveLength(1), { timeout: 2500 })
  })
})

it('a start that can not read the database fails', async () => {
  const other = fakeStore()
  other.break(new Unavailable('store.unreachable', 'gone'))
  await expect(
    startLiveRegistry(
      other.store,
      emptySnapshot(),
      (snapshot) => snapshot,
      () => {},
    ),
  ).rejects.toThrow('gone')
  expect(other.listening()).toBe(0)
})
