import { execFileSync } from 'node:child_process'
import { chmod, lstat, mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Binaries, openBinaries } from './binaries.ts'

let cache: string

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'countersign-binaries-'))
})

afterEach(() => rm(cache, { recursive: true, force: true }))

function versionOf({ postgres }: Binaries): string {
  return execFileSync(postgres, ['--version'], { encoding: 'utf8' })
}

test('PostgreSQL is copied whole, with links of our own making, readable for everybody', async () => {
  const binaries = await openBinaries(cache)
  expect(versionOf(binaries)).toContain(' 18.')
  const folder = dirname(dirname(binaries.postgres))
  expect((await lstat(join(folder, 'lib', 'libicui18n.so.60'))).isSymbolicLink()).toBe(true)
  expect((await stat(join(folder, 'lib', 'libicui18n.so.60'))).mode & 0o777).toBe(0o755)
  expect((await stat(folder)).mode & 0o777).toBe(0o755)
})

test('four who copy at once end with one copy', async () => {
  const all = await Promise.all([1, 2, 3, 4].map(() => openBinaries(cache)))
  expect(new Set(all.map(({ postgres }) => postgres)).size).toBe(1)
  expect(await readdir(cache)).toHaveLength(1)
})

test('a copy that a power cut left broken is made again', async () => {
  const { postgres } = await openBinaries(cache)
  await truncate(postgres, 0)
  expect(versionOf(await openBinaries(cache))).toContain(' 18.')
})

test('a cache that others may write to is refused', async () => {
  await chmod(cache, 0o777)
  await expect(openBinaries(cache)).rejects.toMatchObject({ reason: 'store.embedded_cache_untrusted' })
})

test('a copy that others may write to is refused', async () => {
  const { postgres } = await openBinaries(cache)
  await chmod(dirname(dirname(postgres)), 0o775)
  await expect(openBinaries(cache)).rejects.toMatchObject({ reason: 'store.embedded_cache_untrusted' })
})

test('a cache that can not be made is said', async () => {
  await expect(openBinaries('/proc/none/here')).rejects.toMatchObject({ reason: 'store.embedded_cache' })
})
