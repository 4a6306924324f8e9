import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    pool: 'threads',
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // In CI a test that failed is tried once more, and named at the end: a slow machine must not look like a broken program.
    retry: process.env['CI'] ? 1 : 0,
    reporters: ['default', './test/summary-reporter.ts'],
  },
})
