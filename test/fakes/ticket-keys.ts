import { createHash } from 'node:crypto'
import { Secret } from '../../src/core/secret.ts'
import { TICKET_DAY, type TicketKey } from '../../src/core/ticket-key.ts'
import { epochSeconds } from '../../src/core/time.ts'

/** A tenant's keys of yesterday, today and tomorrow, the same at each gateway of a test; `ms` moves the clock. */
export function fakeTicketKeys(tenant: string, ms = Date.now()): readonly TicketKey[] {
  const today = Math.floor(ms / 1000 / TICKET_DAY)
  return [today - 1, today, today + 1].map((day) => ({
    id: day.toString(36),
    key: new Secret(createHash('sha256').update(`${tenant} ${day}`).digest('base64url')),
    from: epochSeconds(day * TICKET_DAY),
  }))
}
