import { type EpochMillis, epochMillis } from '../../core/time.ts'

/** A minute of a week, by the clock of one zone. */
export type LocalMinute = { readonly day: number; readonly minute: number }

/** `edges` are the minutes of a day at which `isOn` may come to something else; the others need no look. */
type Asked = {
  readonly now: EpochMillis
  readonly clockIn: (at: EpochMillis) => LocalMinute
  readonly isOn: (local: LocalMinute) => boolean
  readonly edges: readonly number[]
}

const DAY = 24 * 60
const MINUTE_MS = 60_000
const HORIZON_MS = 8 * DAY * MINUTE_MS

/**
 * The first minute after `now` at which it comes to something else; undefined when there is none within eight days. Goes from edge to
 * edge, and minute by minute only where the local clock jumped on the way (summer time).
 */
export function nextChange({ now, clockIn, isOn, edges }: Asked): EpochMillis | undefined {
  const before = isOn(clockIn(now))
  let at = epochMillis(now - (now % MINUTE_MS))
  const last = now + HORIZON_MS
  while (at < last) {
    const { minute } = clockIn(at)
    const step = Math.min(...edges.map((edge) => untilEdge(minute, edge)))
    const jumped = (clockIn(after(at, step)).minute - minute - step) % DAY !== 0
    for (let ahead = jumped ? 1 : step; ahead <= step; ahead++) {
      const then = after(at, ahead)
      if (isOn(clockIn(then)) !== before) return then
    }
    at = after(at, step)
  }
  return undefined
}

function untilEdge(minute: number, edge: number): number {
  return ((edge - minute + DAY - 1) % DAY) + 1
}

function after(at: EpochMillis, ahead: number): EpochMillis {
  return epochMillis(at + ahead * MINUTE_MS)
}
