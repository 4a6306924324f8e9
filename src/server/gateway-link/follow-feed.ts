import type { Revision } from '../../core/ids.ts'
import type { AuthorityClient } from './authority-client.ts'
import { linesOf, readMessage } from './feed-messages.ts'
import { createPause } from './pause.ts'
import type { RegistryView } from './registry-view.ts'

/**
 * Keeps a view current: opens the feed, and opens it again whenever it ends, with growing, jittered pauses while it fails. Each applied
 * revision is acknowledged, the newest only when they come faster than answers. Resolves when stopped.
 */
export function followFeed(
  client: AuthorityClient,
  view: RegistryView,
  report: (fault: unknown) => void,
): { readonly stop: () => Promise<void> } {
  const stopping = new AbortController()
  const acknowledge = createAcknowledger(client, report)
  const pause = createPause(stopping.signal)
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        const body = await client.stream('/gateway/v1/feed', stopping.signal)
        for await (const line of linesOf(body)) {
          const revision = view.take(readMessage(line))
          if (revision === undefined) continue
          pause.reset()
          acknowledge(revision)
        }
      } catch (fault) {
        if (!stopping.signal.aborted) report(fault)
      }
      await pause.wait()
    }
  }
  const running = run()
  return {
    stop: () => {
      stopping.abort()
      return running
    },
  }
}

function createAcknowledger(client: AuthorityClient, report: (fault: unknown) => void) {
  let wanted: Revision | undefined
  let running = false
  const run = async (): Promise<void> => {
    running = true
    while (wanted !== undefined) {
      const revision = wanted
      wanted = undefined
      await client.ask('POST', '/gateway/v1/ack', { revision }).catch(report)
    }
    running = false
  }
  return (revision: Revision): void => {
    wanted = revision
    if (!running) void run()
  }
}
