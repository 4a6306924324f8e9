import type { AuditEvent } from './audit-event.ts'

/** `public` fields stand in the log as they are; of `personal` ones it holds a salted commitment. */
export type FieldClass = 'public' | 'personal'

/** Every field of an audit event. A field that is not here is secret: it is not recorded. */
export const CLASSIFICATION = {
  v: 'public',
  id: 'public',
  tenant: 'public',
  recorder: 'public',
  n: 'public',
  at: 'public',
  kind: 'public',
  outcome: 'public',
  reason: 'public',
  decision: 'public',
  agent: 'public',
  user: 'personal',
  session: 'public',
  resource: 'public',
  tool: 'public',
  input: 'personal',
  policies: 'public',
  conditions: 'public',
  revision: 'public',
  lease: 'public',
  token: 'public',
  bearer: 'public',
  ms: 'public',
  facts: 'public',
} as const satisfies Readonly<Record<keyof AuditEvent, FieldClass>>

export function isPublicField(field: string): boolean {
  return Object.hasOwn(CLASSIFICATION, field) && CLASSIFICATION[field as keyof AuditEvent] === 'public'
}
