import type { Store } from '../core/ports.ts'
import type { ChangeDraft } from '../core/registry.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { type Clock, toSeconds } from '../core/time.ts'

export type ForgetPorts = {
  readonly store: Pick<Store, 'commit'>
  readonly snapshot: () => Snapshot
  readonly now: Clock
}

/** Seconds after a session's end that its labels stay, because the clocks of those who judge its tokens may differ. */
const KEPT = 3600
/** Removed in one look, so that a look stays short however many sessions ended. */
const AT_ONCE = 500

/** Takes away the labels of sessions that are over. Any authority may do it, also twice. Answers how many went. */
export async function forgetLabels(ports: ForgetPorts): Promise<number> {
  const before = toSeconds(ports.now()) - KEPT
  const changes: ChangeDraft[] = []
  for (const [tenant, { sessionLabels }] of ports.snapshot().tenants) {
    for (const [name, { until }] of sessionLabels) {
      if (until < before) changes.push({ tenant, kind: 'session-label', name, doc: null })
      if (changes.length >= AT_ONCE) break
    }
    if (changes.length >= AT_ONCE) break
  }
  if (changes.length > 0) await ports.store.commit({ events: [], changes })
  return changes.length
}
