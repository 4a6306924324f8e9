import { hash, randomBytes } from 'node:crypto'

/** A key that can't be guessed: base64url of 32 random bytes, 43 characters. */
export function newKey(): string {
  return randomBytes(32).toString('base64url')
}

/** What is stored of a key: SHA-256, base64url. A key of 256 random bits needs no salt. */
export function keyDigest(key: string): string {
  return hash('sha256', key, 'base64url')
}

/** Whether a text has the shape of `newKey`: anything else was never given out. */
export function isKey(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text)
}
