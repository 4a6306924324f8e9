/** One scenario of the conformance suite, as its summary says. */
export type Scenario = { readonly name: string; readonly passed: boolean; readonly checks: string }

/** The suite's summary: `✓ name: 3 passed, 0 failed`. */
export function scenariosOf(said: string): readonly Scenario[] {
  const lines = [...said.matchAll(/^\s*([✓✗✔✘])\s+([\w./-]+):\s*(.*)$/gmu)]
  return lines.map(([, mark = '', name = '', checks = '']) => ({
    name,
    checks,
    passed: mark === '✓' || mark === '✔',
  }))
}
