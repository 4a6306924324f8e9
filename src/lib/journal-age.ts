/** How long the oldest unshipped record has waited, by a clock that only goes forward. All times in ms. */
export type UnshippedAge = {
  wrote(n: number): void
  shipped(n: number): void
  oldest(): number
}

type Batch = { last: number; readonly at: number }

/** Batches written this close to one another count as the first of them: an age may be too high by so much, never too low. */
const COALESCE_MS = 50

/** `recovered` are the unshipped records found at the start, all taken to be as old as the oldest of them. */
export function unshippedAge(
  monotonic: () => number,
  recovered?: { readonly last: number; readonly age: number },
): UnshippedAge {
  const waiting: Batch[] = recovered ? [{ last: recovered.last, at: monotonic() - recovered.age }] : []

  function wrote(n: number): void {
    const at = monotonic()
    const newest = waiting.at(-1)
    if (newest && at - newest.at < COALESCE_MS) newest.last = n
    else waiting.push({ last: n, at })
  }
  function shipped(n: number): void {
    const still = waiting.findIndex((batch) => batch.last > n)
    waiting.splice(0, still < 0 ? waiting.length : still)
  }
  function oldest(): number {
    const [first] = waiting
    return first ? Math.max(0, monotonic() - first.at) : 0
  }
  return { wrote, shipped, oldest }
}
