import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type MemoryStore, memoryStore } from '../../test/fakes/authority.ts'
import { snapshotOf } from '../../test/properties/decide-world.ts'
import type { TenantName } from '../core/ids.ts'
import { epochMillis } from '../core/time.ts'
import { openTokenKeys, type TokenKeys } from './token-keys.ts'

const ACME = 'acme' as TenantName
const DAY = 86_400_000
let folder: string
let store: MemoryStore
let now: number
let keys: TokenKeys
const reopen = () =>
  openTokenKeys(folder, {
    store,
    snapshot: store.snapshot,
    refresh: async () => {},
    now: () => epochMillis(now),
  })
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'token-keys-'))
  store = memoryStore(await snapshotOf({ acme: {} }))
  now = 1_800_000_000_000
  keys = await reopen()
})
afterEach(() => rm(folder, { recursive: true }))
const published = () => [...(store.snapshot().tenants.get(ACME)?.keys.values() ?? [])]
const states = () =>
  published()
    .map(({ state }) => state)
    .sort()
const kidOf = (state: string) => published().find((key) => key.state === state)?.key

describe('token keys', () => {
  it('are two at first, one that signs and one to come, in files of their owner alone', async () => {
    expect(keys.signerFor(ACME)).toBeUndefined()
    await keys.tend(ACME)
    expect(states()).toEqual(['current', 'next'])
    expect(keys.signerFor(ACME)?.kid).toBe(kidOf('current'))
    const files = await readdir(join(folder, 'acme'))
    expect(files.sort()).toEqual(
      published()
        .map(({ key }) => `${key}.pem`)
        .sort(),
    )
    for (const file of files) expect((await stat(join(folder, 'acme', file))).mode & 0o777).toBe(0o600)
    expect(JSON.stringify(published())).not.toContain('"d"')
  })
  it('stay as they are until they are due, and survive a restart', async () => {
    await keys.tend(ACME)
    const before = kidOf('current')
    now += 29 * DAY
    await keys.tend(ACME)
    expect((await reopen()).signerFor(ACME)?.kid).toBe(before)
    expect(states()).toEqual(['current', 'next'])
  })
  it('turn: next signs, the old one stays published until its tokens have ended, then a new next comes', async () => {
    await keys.tend(ACME)
    const [first, second] = [kidOf('current'), kidOf('next')]
    now += 31 * DAY
    await keys.tend(ACME)
    expect([keys.signerFor(ACME)?.kid, kidOf('previous'), states()]).toEqual([
      second,
      first,
      ['current', 'previous'],
    ])
    now += 3_600_000
    await keys.tend(ACME)
    expect(kidOf('previous')).toBe(first)
    now += 3_600_001
    await keys.tend(ACME)
    expect([states(), kidOf('current')]).toEqual([['current', 'next'], second])
    expect(await readdir(join(folder, 'acme'))).not.toContain(`${first}.pem`)
  })
  it('turn at once when told to', async () => {
    await keys.tend(ACME)
    const second = kidOf('next')
    await keys.turn(ACME)
    expect(keys.signerFor(ACME)?.kid).toBe(second)
  })
  it('are the same for two authorities that begin at once, and leave no stray file', async () => {
    const other = await reopen()
    const stale = store.snapshot()
    await keys.tend(ACME)
    let asked = 0
    const late = await openTokenKeys(folder, {
      store: {
        commit: async (write) =>
          write.ifRevision === store.snapshot().revision
            ? store.commit(write)
            : { done: false, why: 'moved_on' },
      },
      snapshot: () => (asked++ === 0 ? stale : store.snapshot()),
      refresh: async () => {},
      now: () => epochMillis(now),
    })
    await late.tend(ACME)
    await other.tend(ACME)
    expect(states()).toEqual(['current', 'next'])
    expect([late.signerFor(ACME)?.kid, other.signerFor(ACME)?.kid]).toEqual([
      kidOf('current'),
      kidOf('current'),
    ])
    expect(await readdir(join(folder, 'acme'))).toHaveLength(2)
  })
  it('are refused when others may read them', async () => {
    await keys.tend(ACME)
    await chmod(join(folder, 'acme', `${kidOf('current')}.pem`), 0o644)
    await expect(reopen()).rejects.toThrow('0600')
  })
  it('never show their private half in the registry or the record', async () => {
    await keys.tend(ACME)
    const pem = await readFile(join(folder, 'acme', `${kidOf('current')}.pem`), 'utf8')
    const secret = pem.split('\n')[1] ?? ''
    expect(JSON.stringify(store.writes)).not.toContain(secret)
  })
})
