import { addDocuments, type Documents } from '../core/documents.ts'
import type { Revision } from '../core/ids.ts'
import type { Store } from '../core/ports.ts'
import type { Change } from '../core/registry.ts'
import type { Snapshot } from '../core/snapshot.ts'

/** What an authority decides from: the registry as it was committed, kept current by the store's notices and a look each second. */
export type LiveRegistry = {
  readonly snapshot: () => Snapshot
  readonly documents: () => Documents
  /** Milliseconds since the database last said that our revision is the newest, on the monotonic clock. */
  readonly ageMs: () => number
  /** Reads what was committed since; resolves when the snapshot is at least at the newest revision read. */
  readonly refresh: () => Promise<void>
  /** Called with each batch of applied changes, in order. Returns a function that stops it. */
  readonly onChange: (listener: (changes: readonly Change[], revision: Revision) => void) => () => void
  /** Called each second that the database confirmed the revision: what a heartbeat may say. None is called when it can't be read. */
  readonly onConfirmed: (listener: (revision: Revision) => void) => () => void
  readonly close: () => Promise<void>
}

export type Apply = (snapshot: Snapshot, changes: readonly Change[]) => Snapshot

const LOOK_EVERY_MS = 1000

type State = {
  snapshot: Snapshot
  documents: Documents
  confirmedAt: number
  reading: Promise<void> | undefined
  again: boolean
}

function emitter<T extends readonly unknown[]>() {
  const listeners = new Set<(...args: T) => void>()
  return {
    add: (listener: (...args: T) => void) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    emit: (...args: T) => {
      for (const listener of listeners) listener(...args)
    },
  }
}

export async function startLiveRegistry(
  store: Store,
  empty: Snapshot,
  apply: Apply,
  report: (error: unknown) => void,
): Promise<LiveRegistry> {
  const state: State = {
    snapshot: empty,
    documents: new Map(),
    confirmedAt: -Infinity,
    reading: undefined,
    again: false,
  }
  const changed = emitter<[readonly Change[], Revision]>()
  const confirmed = emitter<[Revision]>()

  const read = async (): Promise<void> => {
    const asked = performance.now()
    const head = await store.head()
    if (head > state.snapshot.revision) {
      const changes = await store.changes(state.snapshot.revision)
      state.documents = addDocuments(state.documents, changes)
      state.snapshot = apply(state.snapshot, changes)
      changed.emit(changes, state.snapshot.revision)
    }
    state.confirmedAt = asked
    confirmed.emit(state.snapshot.revision)
  }

  /** One read at a time; a call that comes in meanwhile is served by one more read that starts after it. */
  const refresh = async (): Promise<void> => {
    if (state.reading) {
      state.again = true
      await state.reading.catch(() => undefined)
      if (!state.again) return state.reading ?? Promise.resolve()
    }
    state.again = false
    const reading = read().finally(() => {
      if (state.reading === reading) state.reading = undefined
    })
    state.reading = reading
    return reading
  }

  await refresh()
  const look = () => void refresh().catch(report)
  const stopListening = await store.onCommit(look)
  const timer = setInterval(look, LOOK_EVERY_MS)
  return {
    snapshot: () => state.snapshot,
    documents: () => state.documents,
    ageMs: () => performance.now() - state.confirmedAt,
    refresh,
    onChange: changed.add,
    onConfirmed: confirmed.add,
    close: async () => {
      clearInterval(timer)
      await stopListening()
      await state.reading?.catch(() => undefined)
    },
  }
}
