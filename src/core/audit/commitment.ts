import { hash as digest, timingSafeEqual } from 'node:crypto'
import { Bug } from '../refusal.ts'

/** What a commitment hides: base64url of 16 random bytes, and the value as it was recorded. */
export type Opening = { readonly salt: string; readonly value: string }

const SALT_BYTES = 16
const SALT = /^[A-Za-z0-9_-]{21}[AQgw]$/

/**
 * base64url(SHA-256(salt ‖ 0x00 ‖ UTF-8 of the value)), 43 characters. The salt has one length, so no other pair of salt and value
 * gives the same bytes; it is random, so a value can't be guessed once its opening is erased.
 */
export function commitment(opening: Opening): string {
  if (!isOpening(opening))
    throw new Bug('a commitment needs a salt of 16 bytes, base64url, and well-formed text')
  const bytes = Buffer.allocUnsafe(SALT_BYTES + 1 + Buffer.byteLength(opening.value))
  bytes.write(opening.salt, 0, 'base64url')
  bytes[SALT_BYTES] = 0
  bytes.write(opening.value, SALT_BYTES + 1, 'utf8')
  return digest('sha256', bytes, 'base64url')
}

/** True when this opening is what the commitment was made of. */
export function opens(committed: string, opening: Opening): boolean {
  if (!isOpening(opening)) return false
  const [found, wanted] = [Buffer.from(commitment(opening)), Buffer.from(committed)]
  return found.length === wanted.length && timingSafeEqual(found, wanted)
}

function isOpening(opening: Opening): boolean {
  return SALT.test(opening.salt) && opening.value.isWellFormed()
}
