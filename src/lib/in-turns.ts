import { setImmediate } from 'node:timers/promises'

/** Items that one turn of the event loop works through: so many decisions take a few milliseconds at most. */
const EACH_TURN = 32

/** Works through the items in order until `work` answers false, letting others have their turn in between. */
export async function inTurns<T>(items: Iterable<T>, work: (item: T) => Promise<boolean>): Promise<void> {
  let left = EACH_TURN
  for (const item of items) {
    if (!(await work(item))) return
    left -= 1
    if (left > 0) continue
    left = EACH_TURN
    await setImmediate()
  }
}
