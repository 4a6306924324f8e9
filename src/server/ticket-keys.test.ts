import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TenantName } from '../core/ids.ts'
import { reveal } from '../core/secret.ts'
import { TICKET_DAY, ticketKeyNow } from '../core/ticket-key.ts'
import { epochMillis, epochSeconds } from '../core/time.ts'
import { openTicketKeys } from './ticket-keys.ts'

const [a, b] = ['a', 'b'] as TenantName[] as [TenantName, TenantName]
const clock = { ms: 20_000.5 * TICKET_DAY * 1000 }
const now = () => epochMillis(clock.ms)
const shown = (keys: ReturnType<Awaited<ReturnType<typeof openTicketKeys>>>) =>
  keys.map(({ id, key, from }) => [id, reveal(key), from])

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tickets-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('authorities that share the folder hand out the same keys, each tenant its own', async () => {
  const [one, other] = await Promise.all([openTicketKeys(folder, now), openTicketKeys(folder, now)])
  expect(shown(one(a))).toEqual(shown(other(a)))
  const [ours, theirs] = [shown(one(a)), shown(one(b))]
  expect(new Set([...ours, ...theirs].map(([, key]) => key)).size).toBe(6)
})

test('are of yesterday, today and tomorrow, and turn with the day', async () => {
  const keys = await openTicketKeys(folder, now)
  const before = shown(keys(a))
  const today = ticketKeyNow(keys(a), epochSeconds(clock.ms / 1000))
  expect(today?.from).toBe(20_000 * TICKET_DAY)
  clock.ms += TICKET_DAY * 1000
  expect(shown(keys(a)).slice(0, 2)).toEqual(before.slice(1))
  expect(ticketKeyNow([], epochSeconds(0))).toBeUndefined()
})

test.each([
  ['keys.unreadable', 'short', 0o600],
  ['keys.open_file', `${'A'.repeat(43)}\n`, 0o644],
])('the start stops with %s where the root is not what it must be', async (reason, text, mode) => {
  const path = join(folder, 'ticket-root.key')
  await writeFile(path, text)
  await chmod(path, mode)
  await expect(openTicketKeys(folder, now)).rejects.toMatchObject({ reason })
})
