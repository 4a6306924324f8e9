import type { Refusal, RefusalKind } from '../core/refusal.ts'
import type { DoorResponse } from '../lib/http/route.ts'

/** ARCHITECTURE §8, the column of protected resources over HTTP. */
const STATUS: Readonly<Record<RefusalKind, number>> = {
  malformed: 400,
  unauthenticated: 401,
  stale: 401,
  denied: 403,
  ask: 403,
  unknown: 404,
  limited: 429,
}

function headersFor(refusal: Refusal): Record<string, string> {
  if (refusal.refused === 'limited') return { 'retry-after': '1' }
  if (refusal.refused === 'unauthenticated') return { 'www-authenticate': 'DPoP realm="countersign"' }
  if (refusal.refused === 'stale') return { 'www-authenticate': 'DPoP error="invalid_token"' }
  return {}
}

/** A refusal as problem details (RFC 9457): the stable reason and a sentence; its facts stay in the audit. */
export function problemOf(refusal: Refusal): DoorResponse {
  const status = STATUS[refusal.refused]
  return {
    status,
    headers: { ...headersFor(refusal), 'content-type': 'application/problem+json' },
    json: { type: 'about:blank', title: refusal.says, status, reason: refusal.reason, detail: refusal.says },
  }
}
