import type { Secret } from './secret.ts'
import type { EpochSeconds } from './time.ts'

/**
 * A tenant's key, of one day, by which gateways seal tickets: what a caller is to bring back unread, as session ids, ids of events and
 * tasks, states of servers behind. All gateways of the tenant have the same ones, so that any of them can take the next request. A ticket
 * is no proof of who somebody is. `key`: base64url of 32 bytes. `from`: it seals from then on for a day, and opens for two.
 */
export type TicketKey = { readonly id: string; readonly key: Secret; readonly from: EpochSeconds }

/** Seconds that a key seals, and the longest that a ticket may last. */
export const TICKET_DAY = 86_400

/** The key that seals now. */
export function ticketKeyNow(keys: readonly TicketKey[], now: EpochSeconds): TicketKey | undefined {
  return keys.find(({ from }) => from <= now && now < from + TICKET_DAY)
}
