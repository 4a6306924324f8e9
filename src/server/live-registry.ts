import { addDocuments, type Documents } from '../core/documents.ts'
import type { Revision } from '../core/ids.ts'
import type { Store } from '../core/ports.ts'
import { Unavailable } from '../core/refusal.ts'
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

/** The pure function that makes the next snapshot of one and what was committed since. */
export type Apply = (snapshot: Snapshot, changes: readonly Change[]) => Snapshot

const LOOK_EVERY_MS = 1000

type State = {
  snapshot: Snapshot
  documents: Documents
  confirmedAt: number
}

/** One listener's fault must not keep a change from the others. */
function emitter<T extends readonly unknown[]>(report: (error: unknown) => void) {
  const listeners = new Set<(...args: T) => void>()
  return {
    add: (listener: (...args: T) => void) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    emit: (...args: T) => {
      for (const listener of listeners) {
        try {
          listener(...args)
        } catch (error) {
          report(error)
        }
      }
    },
  }
}

/** Runs `read` one at a time; a call that comes in meanwhile is served by one more run that starts after it. */
function coalesced(read: () => Promise<void>) {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  const start = (): Promise<void> => {
    const reading = read().finally(() => {
      running = undefined
    })
    running = reading
    return reading
  }
  const ask = (): Promise<void> => {
    if (next || !running) return next ?? start()
    next = running
      .catch(() => undefined)
      .then(() => {
        next = undefined
        return start()
      })
    return next
  }
  return { ask, settled: () => (next ?? running)?.catch(() => undefined) }
}

/**
 * Reads the registry and keeps it current until `close`. Throws the store's fault when the first read fails; later ones go to `report`,
 * and the view gets older.
 */
export async function startLiveRegistry(
  store: Pick<Store, 'head' | 'changes' | 'onCommit'>,
  empty: Snapshot,
  apply: Apply,
  report: (error: unknown) => void,
): Promise<LiveRegistry> {
  const state: State = { snapshot: empty, documents: new Map(), confirmedAt: -Infinity }
  const changed = emitter<[readonly Change[], Revision]>(report)
  const confirmed = emitter<[Revision]>(report)

  const read = async (): Promise<void> => {
    const asked = performance.now()
    const head = await store.head()
    // A database that was put back, or a standby: what was revoked since would be forgotten, and revisions given out twice.
    if (head < state.snapshot.revision)
      throw new Unavailable(
        'registry.behind',
        'the database is behind what this authority read from it before',
      )
    if (head > state.snapshot.revision) {
      const changes = await store.changes(state.snapshot.revision)
      state.documents = addDocuments(state.documents, changes)
      state.snapshot = apply(state.snapshot, changes)
      changed.emit(changes, state.snapshot.revision)
    }
    state.confirmedAt = asked
    confirmed.emit(state.snapshot.revision)
  }
  const reads = coalesced(read)

  await reads.ask()
  let told: unknown
  // Several looks may wait for one read: its fault is told once.
  const look = () =>
    void reads.ask().catch((error: unknown) => {
      if (error !== told) report(error)
      told = error
    })
  const stopListening = await store.onCommit(look)
  const timer = setInterval(look, LOOK_EVERY_MS)
  return {
    snapshot: () => state.snapshot,
    documents: () => state.documents,
    ageMs: () => performance.now() - state.confirmedAt,
    refresh: reads.ask,
    onChange: changed.add,
    onConfirmed: confirmed.add,
    close: async () => {
      clearInterval(timer)
      await stopListening()
      await reads.settled()
    },
  }
}
