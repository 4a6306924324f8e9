import { defineConfig } from 'vitest/config'

/** The tests of the area that is mutated; `main.ts` says which. */
const include = JSON.parse(process.env['MUTATION_TESTS'] ?? '[]') as string[]

export default defineConfig({
  test: { include, pool: 'threads', isolate: false, testTimeout: 20_000, reporters: ['default'] },
})
