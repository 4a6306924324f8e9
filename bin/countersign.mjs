#!/usr/bin/env node
// The program's entry. It is plain JavaScript so that the compile cache is on before the first TypeScript source is read: then
// starts take half the time, and the type stripper (some 18 MB) isn't loaded at all.
import { accessSync, constants, mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Beside the installed packages, where only who installed them can write; never in a folder that others could poison. */
const cache = join(dirname(dirname(fileURLToPath(import.meta.url))), 'node_modules', '.cache', 'countersign')
try {
  mkdirSync(cache, { recursive: true, mode: 0o755 })
  accessSync(cache, constants.R_OK)
  enableCompileCache(cache)
} catch {
  // Without a cache everything works, only slower.
}
await import('../src/main.ts')
