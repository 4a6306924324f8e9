import type { Refusal, RefusalKind } from '../../core/refusal.ts'
import { refuse } from '../../core/refusal.ts'
import type { DoorResponse } from '../../lib/http/route.ts'

const STATUS: Readonly<Record<RefusalKind, number>> = {
  malformed: 400,
  unauthenticated: 401,
  stale: 401,
  denied: 403,
  ask: 403,
  unknown: 404,
  limited: 429,
}

/** Where the state of the registry says no, rather than what the administrator may do (RFC 9110 §15.5.10, §15.5.13). */
const BY_REASON: Readonly<Record<string, number>> = {
  'document.changed': 412,
  'document.tenant_in_use': 409,
  'registry.moved_on': 409,
  'revocation.not_standing': 409,
}

/** A tenant that isn't there and an object that isn't there look the same. */
export const UNKNOWN = refuse('unknown', 'admin.unknown', 'There is no such tenant or object.')

/** A refusal as problem details (RFC 9457) with its stable reason. Administrators see everything, so its facts too. */
export function refusalAnswer(refusal: Refusal): DoorResponse {
  const told = refusal.reason === 'tenant.unknown' ? UNKNOWN : refusal
  const status = BY_REASON[told.reason] ?? STATUS[told.refused]
  const facts = Object.keys(told.facts).length > 0 ? { facts: told.facts } : {}
  const challenge = status === 401 ? { 'www-authenticate': 'Bearer realm="countersign admin"' } : {}
  return {
    status,
    headers: { 'content-type': 'application/problem+json', ...challenge },
    json: { type: 'about:blank', title: told.says, status, reason: told.reason, ...facts },
  }
}

type NotAccepted = { readonly problems: readonly unknown[]; readonly findings: readonly unknown[] }

/** A configuration or a document that can't be used: each problem with its place, each finding with its remedy. */
export function notAcceptedAnswer({ problems, findings }: NotAccepted): DoorResponse {
  const title = 'The configuration can not be used; nothing was changed.'
  return {
    status: 422,
    headers: { 'content-type': 'application/problem+json' },
    json: { type: 'about:blank', title, status: 422, reason: 'configuration.refused', problems, findings },
  }
}

export function answer(json: unknown, headers: Readonly<Record<string, string>> = {}): DoorResponse {
  return { status: 200, headers, json }
}
