/** A part of the demo says that it is ready, and where, with one JSON line on stdout; whoever started it waits for that line. */
export function announce(facts: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify({ ready: true, ...facts })}\n`)
}

/** Ends the process when its parent is gone: a part must not outlive the demo, even one killed hard. */
export function endWithParent(): void {
  process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0))
  process.stdin.resume()
}
