import type { Reporter, TestModule } from 'vitest/node'

function count(modules: readonly TestModule[], state: 'passed' | 'failed' | 'skipped'): number {
  let total = 0
  for (const module of modules) for (const _ of module.children.allTests(state)) total++
  return total
}

/** Tests that passed only at a second try, where that is allowed: somebody should look at them. */
function flaky(modules: readonly TestModule[]): readonly string[] {
  return modules.flatMap((module) =>
    [...module.children.allTests('passed')]
      .filter((test) => test.diagnostic()?.flaky === true)
      .map((test) => `${module.relativeModuleId} > ${test.fullName}`),
  )
}

/** Ends a run with the plain line `N passed, N failed` that CI reads; a file that fails to load counts as failed. */
export class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const broken = modules.filter((module) => module.errors().length > 0).length
    const failed = count(modules, 'failed') + broken + errors.length
    const skipped = count(modules, 'skipped')
    for (const name of flaky(modules)) console.log(`passed at the second try: ${name}`)
    const tail = skipped > 0 ? `, ${skipped} skipped` : ''
    console.log(`\n${count(modules, 'passed')} passed, ${failed} failed${tail}`)
  }
}

// vitest loads a reporter by its default export.
export { SummaryReporter as default }
