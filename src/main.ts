#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import type { CliParts } from './cli/cli.ts'
import { processIo } from './cli/io.ts'
import { runCli } from './cli/program.ts'

// The server's code is loaded only by the commands that run it: the others start in a tenth of the time.
const parts: CliParts = {
  version: versionOf(new URL('../package.json', import.meta.url)),
  serve: async (configPath, ready) => {
    const { closeOnSignals, serve } = await import('./server/serve.ts')
    const served = serve(configPath, ready)
    // Before it is ready: a start that is stopped half-way must not leave a database behind.
    closeOnSignals(served, (code) => process.exit(code))
    await served.started
  },
  checkOffline: async (files, variables) => {
    const { checkOffline } = await import('./server/check-offline.ts')
    return checkOffline(files, variables)
  },
  policies: {
    test: async (files, variables) => {
      const { testPoliciesOffline } = await import('./server/policies-offline.ts')
      return testPoliciesOffline(files, variables)
    },
    lint: async (files, variables) => {
      const { lintPoliciesOffline } = await import('./server/policies-offline.ts')
      return lintPoliciesOffline(files, variables)
    },
    diff: async (before, after, recorded, variables) => {
      const { diffPoliciesOffline } = await import('./server/policies-offline.ts')
      return diffPoliciesOffline(before, after, recorded, variables)
    },
  },
}

function versionOf(file: URL): string {
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }
  return version
}

process.exitCode = await runCli(process.argv.slice(2), processIo(), parts)
