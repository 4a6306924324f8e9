import { expect } from 'vitest'
import type { Outcome, Problem } from '../outcome.ts'

type Kind = Problem['refused']

/** Which kinds a reason comes in: the kind decides what the caller is answered (docs/errors.md). */
const KINDS: Readonly<Record<string, readonly Kind[]>> = {
  'jwt.malformed': ['malformed'],
  'jwt.too_long': ['malformed'],
  'jwt.crit': ['malformed'],
  // Not of its type, or not there at all.
  'jwt.claims': ['malformed', 'unauthenticated'],
  'jwt.expired': ['stale'],
  'jwt.too_old': ['stale'],
  'dpop.nonce': ['stale'],
  'dpop.time': ['stale'],
  'dpop.busy': ['limited'],
  'key.malformed': ['malformed'],
  'key.private': ['malformed'],
  'key.use': ['denied'],
  'key.algorithm': ['denied'],
  'key.weak': ['denied'],
  'keys.malformed': ['malformed', 'denied'],
  'keys.private': ['denied'],
  'keys.duplicate': ['denied'],
  'keys.issuer_mismatch': ['denied'],
  'keys.unavailable': ['stale'],
  'keys.stale': ['stale'],
  'fetch.failed': ['stale'],
}

/** The reason of a refusal, or `ok`. Each refusal is of its kind and says a whole sentence. */
export function reasonOf(result: Outcome<unknown>): string {
  if (result.ok) return 'ok'
  const { reason, refused, says } = result.error
  expect([reason, KINDS[reason] ?? ['unauthenticated']]).toEqual([reason, expect.arrayContaining([refused])])
  expect(says).toMatch(/^[A-Z].{10,}\.$/)
  return reason
}
