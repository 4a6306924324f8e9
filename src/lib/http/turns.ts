import { setTimeout as wait } from 'node:timers/promises'
import type { FairShare, NoTurn } from '../fair-share.ts'
import type { DoorRefusal } from './door-refusal.ts'
import { DOOR_REFUSALS } from './door-refusals.ts'
import type { Route } from './route.ts'

/** Whose turn a request needs before it is read: `keyOf` answers whose, or undefined for what needs none. */
export type Turns = {
  readonly share: FairShare
  readonly keyOf: (route: Route, params: Readonly<Record<string, string>>) => string | undefined
}

/**
 * Refusals leave one after the other, so many in a millisecond, and none sooner than after a moment: who asks again at once waits with
 * all others who do, and refusing them costs the same few percent of the processor however many they are.
 */
const REFUSED_PER_MS = 2
const SOONEST_MS = 50
/** Beyond so many, a refusal leaves at once and the connection ends. */
const MOST_HELD = 8_192

let held = 0

/** Says no once it is time to. */
export async function refusedTurn({ retryAfter }: NoTurn): Promise<DoorRefusal> {
  const headers = { 'retry-after': String(retryAfter) }
  if (held >= MOST_HELD) return { ...DOOR_REFUSALS.limited, headers: { ...headers, connection: 'close' } }
  held += 1
  await wait(Math.max(SOONEST_MS, held / REFUSED_PER_MS))
  held -= 1
  return { ...DOOR_REFUSALS.limited, headers }
}
