#!/usr/bin/env node
// The program's entry. It is plain JavaScript so that the compile cache is on before the first TypeScript source is read: then
// starts take half the time, and the type stripper (some 18 MB) isn't loaded at all.
import { accessSync, constants, mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'

// Young objects are collected by one thread: a request leaves little alive, and four threads that share so little wait more than they
// work (an eighth of an exchange's processor time). Old ones are still marked beside the program's work.
setFlagsFromString('--no-parallel-scavenge')

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
