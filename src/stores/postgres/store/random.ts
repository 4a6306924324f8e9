import { randomBytes } from 'node:crypto'
import { ID_PREFIX, type NewId } from '../../../core/ids.ts'

const ALPHABET = Buffer.from('abcdefghijklmnopqrstuvwxyz234567', 'latin1')
const POOL_BYTES = 8_192

let pool = Buffer.alloc(0)
let used = 0

/** Random bytes by the kilobyte: one call to the system for each salt costs more than the salt. Bytes given out are wiped. */
function take(count: number): Buffer {
  if (used + count > pool.length) {
    pool = randomBytes(POOL_BYTES)
    used = 0
  }
  const bytes = Buffer.from(pool.subarray(used, used + count))
  pool.fill(0, used, used + count)
  used += count
  return bytes
}

/** Base64url of 16 random bytes: the salt of one commitment. */
export function randomSalt(): string {
  return take(16).toString('base64url')
}

/** 16 characters of base32: 80 bits, one character for 5 bits of each of 16 bytes. */
export const randomId: NewId = (kind) => {
  const bytes = take(16)
  // Written over the bytes and read as one flat text: a text made of many sums is a chain of them until somebody reads it.
  for (let at = 0; at < bytes.length; at++) bytes[at] = ALPHABET[(bytes[at] ?? 0) & 31] ?? 0
  return `${ID_PREFIX[kind]}${bytes.toString('latin1')}`
}
