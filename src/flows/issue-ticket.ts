import type { EnforcementPoint } from '../core/enforcement.ts'
import { Unavailable } from '../core/refusal.ts'
import { reveal } from '../core/secret.ts'
import { TICKET_DAY, type TicketKey, ticketKeyNow } from '../core/ticket-key.ts'
import { toSeconds } from '../core/time.ts'
import { seal, unseal } from '../lib/aead.ts'
import type { GatewayCaller } from './authenticate-at-gateway.ts'

/**
 * What is sealed, and for what: `session`, `event`, … and whatever else must be the same when it is opened. A text of one use opens for
 * no other.
 */
export type TicketUse = readonly [use: string, ...more: string[]]

/**
 * Seals a text that the caller is to bring back, so that this gateway keeps nothing and any other can go on: nobody else can open it, or
 * use it at another resource, or read it. It ends after `seconds`, a day at most. Throws `Unavailable` (`gateway.no_ticket_key`) without a key.
 */
export function issueTicket(
  point: EnforcementPoint,
  caller: GatewayCaller,
  use: TicketUse,
  text: string,
  seconds: number = TICKET_DAY,
): string {
  const now = toSeconds(point.now())
  const key = ticketKeyNow(point.ticketKeys(caller.target.tenant), now)
  if (!key)
    throw new Unavailable('gateway.no_ticket_key', 'the authority gave this gateway no key to seal with')
  const end = now + Math.min(seconds, TICKET_DAY)
  return `${key.id}.${seal(bytesOf(key), contextOf(caller, use), JSON.stringify([end, text]))}`
}

/** The text that was sealed for this very caller and use; `expired` when its end has come, undefined when there never was such a thing. */
export function openTicket(
  point: EnforcementPoint,
  caller: GatewayCaller,
  use: TicketUse,
  ticket: string,
): { readonly text: string } | 'expired' | undefined {
  const dot = ticket.indexOf('.')
  const key = point
    .ticketKeys(caller.target.tenant)
    .find(({ id }) => id === ticket.slice(0, Math.max(dot, 0)))
  const opened = key && unseal(bytesOf(key), contextOf(caller, use), ticket.slice(dot + 1))
  if (opened === undefined) return undefined
  const [end, text] = JSON.parse(opened) as readonly [number, string]
  return toSeconds(point.now()) < end ? { text } : 'expired'
}

/** Tenant, resource, and all of the chain that stays the same when its token is renewed: who acts, for whom, holding which key. */
function contextOf({ target, access: { chain } }: GatewayCaller, use: TicketUse): readonly string[] {
  const { tenant, resource } = target
  return [tenant, resource.resource, chain.actors.join(' '), chain.user ?? '', chain.jkt ?? '', ...use]
}

const bytes = new WeakMap<TicketKey, Buffer>()

function bytesOf(key: TicketKey): Buffer {
  const known = bytes.get(key)
  if (known) return known
  const made = Buffer.from(reveal(key.key), 'base64url')
  bytes.set(key, made)
  return made
}
