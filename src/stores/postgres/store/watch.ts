import { setTimeout as wait } from 'node:timers/promises'
import { Client, type Pool } from 'pg'
import { CHANNEL, readHead } from './documents.ts'

export type Watch = {
  /** Calls back soon after each commit with changes; answers a function that stops it. */
  add(listener: () => void): Promise<() => Promise<void>>
  close(): Promise<void>
}

type Watching = {
  readonly stop: AbortController
  /** Settled once the first connection listens, or could not. */
  readonly ready: Promise<void>
  readonly ended: Promise<void>
}

/**
 * Hears of commits by LISTEN on a connection of its own. The same connection asks for the head every `pollMs`: that finds a
 * connection that died silently, and carries on where notifications don't pass (a pooler). Lost connections are opened again.
 */
export function watchCommits(pool: Pool, pollMs: number): Watch {
  const listeners = new Set<() => void>()
  let watching: Watching | undefined

  function tell(): void {
    for (const listener of listeners) listener()
  }

  async function stop(): Promise<void> {
    const was = watching
    watching = undefined
    was?.stop.abort()
    await was?.ended
  }

  return {
    async add(listener) {
      // Each call is a listener of its own, also when the function is the same.
      const own = () => listener()
      listeners.add(own)
      watching ??= start(pool, pollMs, tell)
      await watching.ready
      return async () => {
        listeners.delete(own)
        if (listeners.size === 0) await stop()
      }
    },
    close: () => {
      listeners.clear()
      return stop()
    },
  }
}

function start(pool: Pool, pollMs: number, tell: () => void): Watching {
  const stop = new AbortController()
  const { promise: ready, resolve } = Promise.withResolvers<void>()
  const ended = keepListening({ pool, pollMs, tell, signal: stop.signal, ready: resolve })
  return { stop, ready, ended }
}

type Listening = {
  readonly pool: Pool
  readonly pollMs: number
  readonly tell: () => void
  readonly signal: AbortSignal
  readonly ready: () => void
}

async function keepListening(listening: Listening): Promise<void> {
  const { pollMs, signal, ready } = listening
  let head: number | undefined
  while (!signal.aborted) {
    head = await listenOnce(listening, head)
    ready()
    await wait(pollMs, undefined, { signal }).catch(() => {})
  }
}

/** Listens until the connection breaks or the watch is stopped; answers the newest revision it knew. */
async function listenOnce(listening: Listening, before: number | undefined): Promise<number | undefined> {
  const { pool, pollMs, tell, signal, ready } = listening
  const broken = new AbortController()
  const client = new Client({ ...pool.options, password: pool.options.password, query_timeout: 5_000 })
  client.on('error', () => broken.abort())
  client.on('end', () => broken.abort())
  let head = before
  try {
    await client.connect()
    client.on('notification', tell)
    await client.query(`listen ${CHANNEL}`)
    const either = AbortSignal.any([signal, broken.signal])
    while (!either.aborted) {
      const now = await readHead(client)
      if (head !== undefined && now > head) tell()
      head = now
      ready()
      await wait(pollMs, undefined, { signal: either }).catch(() => {})
    }
  } catch {
    // Whatever it was, a new connection is the answer; readers meet the fault themselves.
  }
  await client.end().catch(() => {})
  return head
}
