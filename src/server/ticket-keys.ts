import { join } from 'node:path'
import type { TenantName } from '../core/ids.ts'
import { Unavailable } from '../core/refusal.ts'
import { Secret } from '../core/secret.ts'
import { TICKET_DAY, type TicketKey } from '../core/ticket-key.ts'
import { type Clock, epochSeconds, toSeconds } from '../core/time.ts'
import { deriveKey } from '../lib/aead.ts'
import { isKey, newKey } from '../lib/random-key.ts'
import { secretFile } from './key-file.ts'

/** The keys that a tenant's gateways need now: of yesterday, to open what it sealed; of today; of tomorrow, so that none comes late. */
export type TicketKeys = (tenant: TenantName) => readonly TicketKey[]

/** The file that holds the root of all ticket keys, in the folder of keys. */
export const TICKET_ROOT = 'ticket-root.key'

/**
 * Every key follows from one root in a file, the tenant and the day: authorities that share the folder agree without asking each other,
 * and nothing of it is in the database. A root that is replaced ends whatever was sealed. Throws `Unavailable` `keys.open_file` or
 * `keys.unreadable`.
 */
export async function openTicketKeys(folder: string, now: Clock): Promise<TicketKeys> {
  const path = join(folder, TICKET_ROOT)
  const text = (await secretFile(path, newKey)).trim()
  if (!isKey(text)) throw new Unavailable('keys.unreadable', `${path} holds no key of 32 bytes in base64url`)
  const root = Buffer.from(text, 'base64url')
  return (tenant) => {
    const today = Math.floor(toSeconds(now()) / TICKET_DAY)
    return [today - 1, today, today + 1].map((day) => keyOf(root, tenant, day))
  }
}

function keyOf(root: Buffer, tenant: TenantName, day: number): TicketKey {
  const key = deriveKey(root, ['ticket', tenant, String(day)]).toString('base64url')
  return { id: day.toString(36), key: new Secret(key), from: epochSeconds(day * TICKET_DAY) }
}
